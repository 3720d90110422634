"""Files that are no recordings, or worse: a clear answer, nothing left behind, and the next person is served."""
import http.server
import random
import struct
import threading
import unittest

from test_audio import AudioStack, speech

UNREADABLE, NO_SOUND = "cannot read this recording", "no sound"


def wav_header(channels=1, rate=16000, bits=16, data_bytes=0x7fffff00):
    block = channels * bits // 8 & 0xffff
    return (b"RIFF" + struct.pack("<I", min(data_bytes + 36, 0xffffffff)) + b"WAVEfmt " +
            struct.pack("<IHHIIHH", 16, 1, channels, rate, rate * block & 0xffffffff, block, bits) +
            b"data" + struct.pack("<I", data_bytes))


def playlist(target):
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n".encode()


def garbage(size, start=b"", seed=7):
    return start + random.Random(seed).randbytes(size)


class Listener(threading.Thread):
    """Notices whoever calls."""

    def __init__(self):
        super().__init__(daemon=True)
        self.calls = calls = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                calls.append(self.path)
                self.send_error(404)

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.start()

    def run(self):
        self.server.serve_forever()


class HostileAudio(unittest.TestCase):
    def test_hostile_files(self):
        wav = speech("One two three four five six seven.")
        listener = Listener()
        self.addCleanup(listener.server.server_close)
        self.addCleanup(listener.server.shutdown)
        url = f"http://127.0.0.1:{listener.server.server_port}/secret"
        cases = {
            "text.ogg": (b"This is only text.\n" * 50, UNREADABLE),
            "one-byte.mp3": (b"\0", UNREADABLE),
            "zeros.wav": (bytes(100_000), UNREADABLE),
            "header-only.wav": (wav[:44], UNREADABLE),
            "cut-in-the-header.wav": (wav[:30], UNREADABLE),
            "100-channels.wav": (wav_header(channels=100) + bytes(100_000), UNREADABLE),
            "65535-channels.wav": (wav_header(channels=65535, bits=32) + bytes(100_000), UNREADABLE),
            "no-channels.wav": (wav_header(channels=0) + bytes(1000), NO_SOUND),
            "fast.wav": (wav_header(rate=0xffffffff) + bytes(1000), UNREADABLE),
            "claims-10-hours.wav": (wav_header(rate=8000, bits=8, data_bytes=8000 * 36000), UNREADABLE),
            "garbage.mp3": (garbage(200_000, b"ID3\x04\0\0\0\0\0\0"), UNREADABLE),
            "garbage.ogg": (b"OggS" + garbage(50_000), UNREADABLE),
            "garbage.mp4": (b"\0\0\0\x18ftypmp42" + garbage(50_000), UNREADABLE),
            "garbage.mkv": (b"\x1aE\xdf\xa3" + garbage(50_000), UNREADABLE),
            "list.mp3": (playlist(url), UNREADABLE),
            "list.m4a": (playlist("file:///etc/passwd"), UNREADABLE),
            "concat.wav": (f"ffconcat version 1.0\nfile {url}\nfile /etc/passwd\n".encode(), UNREADABLE),
            "elf.wav": (b"\x7fELF" + garbage(5000), UNREADABLE),
            "../../etc/passwd.wav": (b"text", UNREADABLE),
        }
        with AudioStack() as stack:
            eve, ann = stack.user("Eve"), stack.user("Ann")
            for name, (content, wanted) in cases.items():
                with self.subTest(name):
                    stack.answer_to(stack.upload(eve, content, "document", file_name=name), wanted)
                    stack.answer_to(stack.upload(eve, content, "voice", raw=1), wanted)
            self.assertEqual(stack.requests("transcription"), [])
            self.assertEqual(listener.calls, [])
            stack.wait_for_no_temporary_files()
            stack.answer_to(stack.upload(ann, wav), "heard")

    def test_a_cut_recording_is_used_as_far_as_it_goes(self):
        wav = speech("One two three four five six seven.")
        with AudioStack() as stack:
            ann = stack.user("Ann")
            stack.answer_to(stack.upload(ann, wav[:len(wav) // 2], "document", file_name="cut.wav"), "heard")

    def test_a_flood_from_one_person_does_not_delay_another(self):
        with AudioStack() as stack:
            eve, ann = stack.user("Eve"), stack.user("Ann")
            stack.fault("transcription", count=1, delay_ms=600_000)
            stack.answer_to(stack.upload(eve, speech("One.")), "Listening")
            stack.faults_met()
            for _ in range(50):
                stack.upload(eve, garbage(1000), "document", file_name="a.mp3")
            stack.answer_to(stack.upload(ann, speech("One.")), "heard")


if __name__ == "__main__":
    unittest.main()
