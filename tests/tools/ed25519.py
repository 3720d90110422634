"""Ed25519 signatures checked by the arithmetic of RFC 8032 alone: nothing in common with the library under test."""
import base64
import hashlib

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def add(a, b):
    x1, y1, x2, y2 = *a, *b
    product = D * x1 * x2 * y1 * y2
    return ((x1 * y2 + x2 * y1) * pow(1 + product, P - 2, P) % P, (y1 * y2 + x1 * x2) * pow(1 - product, P - 2, P) % P)


def multiply(point, times):
    result = (0, 1)
    while times:
        if times & 1:
            result = add(result, point)
        point, times = add(point, point), times >> 1
    return result


def root(y, sign):
    """The x of a point with that y, even or odd."""
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P:
        raise ValueError("not a point of the curve")
    return x if x % 2 == sign else P - x


def point_of(octets):
    number = int.from_bytes(octets, "little")
    y = number % 2**255
    return root(y, number >> 255), y


BASE = (root(4 * pow(5, P - 2, P) % P, 0), 4 * pow(5, P - 2, P) % P)


def is_signed(key, message, signature):
    """key is the base64url text of a JWK's "x"; signature are 64 bytes."""
    octets = base64.urlsafe_b64decode(key + "=" * (-len(key) % 4))
    factor = int.from_bytes(signature[32:], "little")
    digest = int.from_bytes(hashlib.sha512(signature[:32] + octets + message).digest(), "little") % ORDER
    try:
        return factor < ORDER and multiply(BASE, factor) == add(point_of(signature[:32]),
                                                                multiply(point_of(octets), digest))
    except ValueError:
        return False
