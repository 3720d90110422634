// Microphone → WAV. Browsers record WebM, which the sandbox does not read, so the sound is decoded and written as
// 16-bit mono PCM.

const RATE = 48000;

function encodeWav(samples) {
  const view = new DataView(new ArrayBuffer(44 + samples.length * 2));
  const word = (at, text) => [...text].forEach((char, i) => view.setUint8(at + i, char.charCodeAt(0)));
  word(0, "RIFF");
  view.setUint32(4, 36 + samples.length * 2, true);
  word(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, RATE, true);
  view.setUint32(28, RATE * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  word(36, "data");
  view.setUint32(40, samples.length * 2, true);
  samples.forEach((sample, i) => view.setInt16(44 + i * 2, Math.max(-1, Math.min(1, sample)) * 32767, true));
  return new Blob([view], { type: "audio/wav" });
}

async function toWav(blob) {
  const sound = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(await blob.arrayBuffer());
  const channels = Array.from({ length: sound.numberOfChannels }, (_, i) => sound.getChannelData(i));
  const mono = channels[0].map(
    (_, i) => channels.reduce((sum, channel) => sum + channel[i], 0) / channels.length,
  );
  return { file: encodeWav(mono), seconds: sound.duration };
}

// Resolves to {level(), seconds(), stop(), cancel()}; stop() resolves to {file, seconds}.
export async function startRecording() {
  if (!navigator.mediaDevices) throw new Error("getUserMedia needs https or localhost");
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  const recorder = new MediaRecorder(stream);
  const context = new AudioContext();
  const meter = context.createAnalyser();
  const wave = new Uint8Array(meter.fftSize);
  const began = performance.now();
  const parts = [];
  context.createMediaStreamSource(stream).connect(meter);
  recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
  recorder.start();

  function close() {
    stream.getTracks().forEach((track) => track.stop());
    context.close();
  }
  return {
    seconds: () => (performance.now() - began) / 1000,
    level() {
      meter.getByteTimeDomainData(wave);
      return Math.min(1, Math.max(...wave.map((value) => Math.abs(value - 128))) / 64);
    },
    cancel() {
      recorder.stop();
      close();
    },
    async stop() {
      const ended = new Promise((resolve) => recorder.addEventListener("stop", resolve, { once: true }));
      recorder.stop();
      await ended;
      close();
      return toWav(new Blob(parts, { type: recorder.mimeType }));
    },
  };
}
