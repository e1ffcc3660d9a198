"""A camera that publishes by WHIP, and a display that plays by WHEP: real clients that are no browsers.

    device.py camera URL [CODEC]  aiortc: a moving picture in VP8 or CODEC, and silence in Opus
    device.py display URL         aiortc

The token is in the environment (PARTA_TOKEN): arguments are seen by everybody on the machine. Each says on standard output,
a line of JSON at a time, what it got: the answer's status, how many pictures and how much sound. It goes on until its
standard input ends, and then ends its session.
"""

import asyncio
import fractions
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

import av
from aiortc import RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, VideoStreamTrack

WIDTH, HEIGHT, RATE = 320, 240, 10
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


def main():
    what, *more = sys.argv[1:]
    asyncio.run({"camera": camera, "display": display}[what](*more))


main()
