"""A camera that publishes by WHIP, and a display that plays by WHEP: real clients that are no browsers.

    device.py camera URL [CODEC]  aiortc: a moving picture in VP8 or CODEC, and silence in Opus
    device.py ffmpeg URL          FFmpeg's WHIP muxer: a moving picture in H.264 and a tone in Opus
    device.py display URL         aiortc

The token is in the environment (PARTA_TOKEN): arguments are seen by everybody on the machine. Each says on standard output,
a line of JSON at a time, what it got: the answer's status, how many pictures and how much sound. It goes on until its
standard input ends, and then ends its session.
"""

import asyncio
import datetime
import fractions
import json
import math
import os
import struct
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import av
import av.logging
from aiortc import RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, VideoStreamTrack
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

WIDTH, HEIGHT, RATE = 320, 240, 10
# Samples a second, and in a packet of Opus.
SAMPLES, FRAME = 48_000, 960
TOKEN = os.environ["PARTA_TOKEN"]


def say(**what):
    print(json.dumps(what), flush=True)


def ask(method, url, body=None, **headers):
    headers = {"Authorization": f"Bearer {TOKEN}", **{name.replace("_", "-"): value for name, value in headers.items()}}
    request = urllib.request.Request(url, body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def picture(at):
    """A bar that wanders over a grey field, so that no two pictures in a row are the same."""
    frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
    luma = bytearray(b"\x60" * (frame.planes[0].line_size * HEIGHT))
    for row in range(HEIGHT):
        begin = row * frame.planes[0].line_size + at * 8 % (WIDTH - 16)
        luma[begin : begin + 16] = b"\xeb" * 16
    frame.planes[0].update(bytes(luma))
    for plane in frame.planes[1:]:
        plane.update(b"\x80" * (plane.line_size * plane.height))
    return frame


class Camera(VideoStreamTrack):
    at = 0

    async def recv(self):
        await asyncio.sleep(1 / RATE)
        frame = picture(self.at)
        frame.pts, frame.time_base = self.at * 90_000 // RATE, fractions.Fraction(1, 90_000)
        self.at += 1
        return frame


async def exchange(url, pc):
    await pc.setLocalDescription(await pc.createOffer())
    offer = pc.localDescription.sdp.encode()
    status, headers, answer = await asyncio.to_thread(ask, "POST", url, offer, Content_Type="application/sdp")
    if status != 201:
        say(status=status, answer=json.loads(answer))
        return None
    await pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    say(status=status, location=headers["Location"], etag=headers["ETag"], link=headers["Link"])
    return urllib.parse.urljoin(url, headers["Location"])


async def until_told(url, pc):
    pc.on("connectionstatechange", lambda: say(state=pc.connectionState))
    session = await exchange(url, pc)
    if session:
        await asyncio.to_thread(sys.stdin.read)
        status, _, _ = await asyncio.to_thread(ask, "DELETE", session)
        say(ended=status)
    await pc.close()


async def camera(url, codec="VP8"):
    pc = RTCPeerConnection()
    pc.addTrack(Camera())
    pc.addTrack(AudioStreamTrack())
    for transceiver in pc.getTransceivers():
        transceiver.direction = "sendonly"
        if transceiver.kind == "video":
            codecs = RTCRtpSender.getCapabilities("video").codecs
            transceiver.setCodecPreferences([one for one in codecs if one.mimeType == f"video/{codec}"])
    await until_told(url, pc)


async def display(url):
    pc = RTCPeerConnection()
    got = {"audio": 0, "video": 0}

    async def count(track):
        try:
            while True:
                frame = await track.recv()
                got[track.kind] += 1
                if track.kind == "video":
                    say(got=dict(got), size=[frame.width, frame.height])
        except MediaStreamError:
            pass

    pc.on("track", lambda track: asyncio.ensure_future(count(track)))
    pc.addTransceiver("audio", direction="recvonly")
    pc.addTransceiver("video", direction="recvonly")
    await until_told(url, pc)


def tone(at):
    """A packet's worth of 440 Hz, in stereo."""
    frame = av.AudioFrame(format="s16", layout="stereo", samples=FRAME)
    level = lambda sample: int(8_000 * math.sin(2 * math.pi * 440 * sample / SAMPLES))
    levels = [level(sample) for sample in range(at * FRAME, (at + 1) * FRAME)]
    frame.planes[0].update(struct.pack(f"<{2 * FRAME}h", *(one for one in levels for _ in range(2))))
    frame.sample_rate, frame.time_base, frame.pts = SAMPLES, fractions.Fraction(1, SAMPLES), at * FRAME
    return frame


def certificate(folder):
    """Files with a certificate on P-256, and with its key. The one that FFmpeg makes with GnuTLS is on P-224, which nothing
    of WebRTC takes (RFC 8827 section 6.5)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "camera")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + datetime.timedelta(days=2))
    pem = serialization.Encoding.PEM
    parts = {
        "cert_file": made.sign(key, hashes.SHA256()).public_bytes(pem),
        "key_file": key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    }
    paths = {name: os.path.join(folder, name) for name in parts}
    for name, path in paths.items():
        with open(path, "wb") as file:
            file.write(parts[name])
    return paths


def ffmpeg(url):
    """Ends with an error of FFmpeg's when the server refuses, or no path comes up."""
    av.logging.set_level(av.logging.VERBOSE)
    with tempfile.TemporaryDirectory() as folder:
        stream(av.open(url, "w", format="whip", options={"authorization": TOKEN, "handshake_timeout": "60000", **certificate(folder)}))
    say(ended=200)


def stream(out):
    video = out.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline"})
    video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    video.codec_context.gop_size = RATE
    audio = out.add_stream("libopus", rate=SAMPLES, layout="stereo")
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    begin = time.monotonic()
    pictures = sounds = 0
    while not over.is_set():
        if sounds * FRAME * RATE < pictures * SAMPLES:
            out.mux(audio.encode(tone(sounds)))
            sounds += 1
            continue
        frame = picture(pictures)
        frame.pts, frame.time_base = pictures, fractions.Fraction(1, RATE)
        out.mux(video.encode(frame))
        if pictures == 0:
            # The exchange is done with the first packet.
            say(state="connected")
        pictures += 1
        time.sleep(max(0, begin + pictures / RATE - time.monotonic()))
    out.close()


def main():
    what, *more = sys.argv[1:]
    if what == "ffmpeg":
        ffmpeg(*more)
    else:
        asyncio.run({"camera": camera, "display": display}[what](*more))


main()
