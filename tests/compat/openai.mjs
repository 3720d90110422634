// What test_providers.py asks for, done with OpenAI's own library: only the base URL is an option.

import { createReadStream } from "node:fs";

import OpenAI from "openai";

const { OPENAI_BASE_URL, OPENAI_API_KEY, SPEECH, PICTURE_URL } = process.env;
const client = new OpenAI({ baseURL: OPENAI_BASE_URL, apiKey: OPENAI_API_KEY });

const errorOf = async (promise) => {
  try {
    await promise;
  } catch (error) {
    return { name: error.constructor.name, status: error.status, code: error.code, type: error.type };
  }
  return null;
};

const schema = {
  type: "object",
  properties: { title: { type: "string" }, score: { type: "integer", minimum: 3 } },
  required: ["title", "score"],
  additionalProperties: false,
};
const ask = (content, more) => ({ model: "gpt-6-luna", messages: [{ role: "user", content }], ...more });

const commands = {
  async transcribe() {
    const file = () => createReadStream(SPEECH);
    const plain = await client.audio.transcriptions.create({ file: file(), model: "gpt-transcribe" });
    const verbose = await client.audio.transcriptions.create({
      file: file(),
      model: "whisper-1",
      response_format: "verbose_json",
      timestamp_granularities: ["word", "segment"],
      language: "en",
    });
    const srt = await client.audio.transcriptions.create({ file: file(), model: "whisper-1", response_format: "srt" });
    const events = [];
    for await (const event of await client.audio.transcriptions.create({
      file: file(), model: "gpt-4o-transcribe", stream: true,
    })) {
      events.push(event.type);
    }
    return { plain, verbose, srt, events };
  },

  async chat() {
    const format = { type: "json_schema", json_schema: { name: "verdict", schema, strict: true } };
    const parsed = await client.chat.completions.parse(ask("Judge it", { response_format: format }));
    const seen = await client.chat.completions.create(ask([
      { type: "text", text: "look" },
      { type: "image_url", image_url: { url: PICTURE_URL, detail: "low" } },
    ]));
    const { data, response } = await client.chat.completions.create(ask("limits")).withResponse();
    let streamed = "";
    for await (const chunk of await client.chat.completions.create(ask("a b", { stream: true }))) {
      streamed += chunk.choices[0]?.delta?.content ?? "";
    }
    return {
      parsed: parsed.choices[0].message.parsed,
      seen: seen.choices[0].message.content,
      id: data._request_id,
      left: response.headers.get("x-ratelimit-remaining-requests"),
      streamed,
    };
  },

  async moderate() {
    const text = await client.moderations.create({ input: ["a cat", "sandbox violence"] });
    const image = await client.moderations.create({
      model: "omni-moderation-latest",
      input: [{ type: "image_url", image_url: { url: PICTURE_URL } }],
    });
    return { text: text.results.map((result) => result.flagged), image: image.results[0].categories.sexual };
  },

  async models() {
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    return {
      ids,
      one: await client.models.retrieve("whisper-1"),
      gone: await errorOf(client.models.retrieve("gpt-3")),
    };
  },

  // Two repetitions are what the library does by itself.
  async retried() {
    return { answer: (await client.chat.completions.create(ask("again"))).choices[0].message.content };
  },

  async refused() {
    return { error: await errorOf(client.chat.completions.create(ask("x"))) };
  },
};

console.log(JSON.stringify(await commands[process.argv[2]]()));
