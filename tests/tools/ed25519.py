"""Ed25519 signatures checked by the arithmetic of RFC 8032 alone: nothing in common with the library under test."""
import base64
import hashlib

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def add(a, b):
    """Points are (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z: adding them needs no division."""
    x1, y1, z1, t1 = a
    x2, y2, z2, t2 = b
    low, high = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    first, second = 2 * t1 * t2 * D % P, 2 * z1 * z2 % P
    e, f, g, h = high - low, second - first, second + first, high + low
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(point, times):
    result = (0, 1, 1, 0)
    while times:
        if times & 1:
            result = add(result, point)
        point, times = add(point, point), times >> 1
    return result


def is_same(a, b):
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


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
    return whole(root(number % 2**255, number >> 255), number % 2**255)


def whole(x, y):
    return x, y, 1, x * y % P


HEIGHT = 4 * pow(5, P - 2, P) % P
BASE = whole(root(HEIGHT, 0), HEIGHT)


def is_signed(key, message, signature):
    """key is the base64url text of a JWK's "x"; signature are 64 bytes."""
    octets = base64.urlsafe_b64decode(key + "=" * (-len(key) % 4))
    factor = int.from_bytes(signature[32:], "little")
    digest = int.from_bytes(hashlib.sha512(signature[:32] + octets + message).digest(), "little") % ORDER
    try:
        return factor < ORDER and is_same(multiply(BASE, factor),
                                          add(point_of(signature[:32]), multiply(point_of(octets), digest)))
    except ValueError:
        return False
