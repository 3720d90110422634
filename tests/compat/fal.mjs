// What test_providers.py asks for, done with @fal-ai/client: only its fetch knows where the sandbox is.

import { readFile } from "node:fs/promises";

import { createFalClient } from "@fal-ai/client";

const { SANDBOX, FAL_KEY, PHOTOS } = process.env;
const hosts = [
  [/^https:\/\/queue\.fal\.run\//, `${SANDBOX}/fal/`],
  [/^https:\/\/rest\.(alpha\.)?fal\.ai\//, `${SANDBOX}/fal/`],
  [/^https:\/\/fal\.run\//, `${SANDBOX}/fal/run/`],
];

const here = (url) => hosts.reduce((text, [pattern, place]) => text.replace(pattern, place), String(url));
const client = createFalClient({ credentials: FAL_KEY, fetch: (url, options) => fetch(here(url), options) });

const errorOf = async (promise) => {
  try {
    await promise;
  } catch (error) {
    return { name: error.name, status: error.status, body: error.body, message: error.message };
  }
  return null;
};

const commands = {
  async train() {
    const updates = [];
    const photos = new Blob([await readFile(PHOTOS)], { type: "application/zip" });
    const trained = await client.subscribe("fal-ai/flux-lora-portrait-trainer", {
      input: { images_data_url: photos, trigger_phrase: "ohwx", steps: 1000 },
      logs: true,
      pollInterval: 50,
      onQueueUpdate: (update) => updates.push(update.status),
    });
    const path = trained.data.diffusers_lora_file.url;
    const image = await client.subscribe("fal-ai/flux-lora", {
      input: { prompt: "ohwx on the moon", loras: [{ path, scale: 1 }], num_images: 2 },
      pollInterval: 50,
    });
    return { updates, trained, image };
  },

  async queue() {
    const queue = await client.queue.submit("fal-ai/flux-pro/v1.1-ultra", { input: { prompt: "a" }, priority: "low" });
    const id = { requestId: queue.request_id };
    const status = await client.queue.status("fal-ai/flux-pro/v1.1-ultra", { ...id, logs: true });
    const cancelled = await errorOf(client.queue.cancel("fal-ai/flux-pro/v1.1-ultra", id));
    const result = await errorOf(client.queue.result("fal-ai/flux-pro/v1.1-ultra", id));
    const again = await errorOf(client.queue.cancel("fal-ai/flux-pro/v1.1-ultra", id));
    return { queue, status, cancelled, result, again };
  },

  async streaming() {
    const statuses = [];
    const result = await client.subscribe("fal-ai/flux/schnell", {
      input: { prompt: "a" },
      mode: "streaming",
      logs: true,
      onQueueUpdate: (update) => statuses.push(update.status),
    });
    return { statuses, result };
  },

  async run() {
    return { result: await client.run("fal-ai/flux/dev", { input: { prompt: "a", sync_mode: true } }) };
  },

  async upload() {
    const large = new Blob([new Uint8Array(91 * 1024 * 1024).fill(7)], { type: "application/octet-stream" });
    const url = await client.storage.upload(large, { lifecycle: { expiresIn: "1h" } });
    return { size: (await (await fetch(url)).arrayBuffer()).byteLength };
  },

  async errors() {
    return {
      wrong: await errorOf(client.subscribe("fal-ai/flux-lora", { input: { num_images: 9 }, pollInterval: 50 })),
      unknown: await errorOf(client.queue.submit("fal-ai/flux-pro-trainer", { input: {} })),
    };
  },

  async locked() {
    return { error: await errorOf(client.queue.submit("fal-ai/flux-lora", { input: { prompt: "a" } })) };
  },
};

console.log(JSON.stringify(await commands[process.argv[2]]()));
