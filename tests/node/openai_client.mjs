// Drives an OpenAI-compatible server with the npm package "openai" and prints one line of JSON.
//
//     BASE_URL=http://127.0.0.1:8080/v1 API_KEY=... LIEBIG_NODE_MODULES=FOLDER/node_modules node openai_client.mjs
//
// LIEBIG_NODE_MODULES names the folder that holds the package; left out, node looks where it always does.
// MODEL (default "default") names the model to ask, EMBEDDING_MODEL (default: MODEL) the one for the embedding.
// Every part is tried even when one before it fails: {"version", "ok", "parts": {NAME: {"ok", ...} or {"ok", "error"}}}.
// The exit code is 0 when all parts passed, 1 when one failed, 2 when the package is not found.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import path from "node:path";

const folder = process.env.LIEBIG_NODE_MODULES;
const base = folder ? path.join(path.resolve(folder), "anchor.js") : import.meta.url;
const require = createRequire(folder ? pathToFileURL(base) : base);
let OpenAI;
try {
  ({ OpenAI } = require("openai"));
} catch (error) {
  console.log(JSON.stringify({ ok: false, error: `package openai not found: ${error.code ?? error.message}` }));
  process.exit(2);
}
const { VERSION } = require("openai/version");

const model = process.env.MODEL ?? "default";
const client = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: process.env.API_KEY, maxRetries: 0 });
const ask = (content) => [{ role: "user", content }];

const tools = [
  {
    type: "function",
    function: {
      name: "weather",
      description: "The weather in a city.",
      parameters: {
        type: "object",
        properties: { city: { type: "string" }, days: { type: "integer" } },
        required: ["city", "days"],
        additionalProperties: false,
      },
    },
  },
];
const schema = {
  name: "person",
  strict: true,
  schema: {
    type: "object",
    properties: { name: { type: "string" }, age: { type: "integer" } },
    required: ["name", "age"],
    additionalProperties: false,
  },
};

function check(condition, what) {
  if (!condition) throw new Error(`expected ${what}`);
}

async function chat() {
  const { data, response } = await client.chat.completions
    .create({ model, messages: ask("Say hello."), max_completion_tokens: 64 })
    .withResponse();
  const text = data.choices[0].message.content;
  check(text.length > 0, "a text");
  check(data.usage.total_tokens > 0, "a usage");
  const headers = Object.fromEntries([...response.headers].filter(([name]) => name.startsWith("x-")));
  return { text, model: data.model, usage: data.usage, headers };
}

async function streamed() {
  const messages = ask("Count to ten.");
  const stream = await client.chat.completions.create({
    model,
    messages,
    stream: true,
    stream_options: { include_usage: true },
  });
  let [text, chunks, finish, usage] = ["", 0, null, null];
  for await (const chunk of stream) {
    chunks += 1;
    text += chunk.choices[0]?.delta?.content ?? "";
    finish = chunk.choices[0]?.finish_reason ?? finish;
    usage = chunk.usage ?? usage;
  }
  check(text.length > 0, "a text");
  check(finish === "stop", `the finish reason stop, not ${finish}`);
  check(usage?.total_tokens > 0, "a usage in the last chunk");
  return { text, chunks, usage };
}

async function toolRound() {
  const messages = ask("What is the weather in Giessen?");
  const first = await client.chat.completions.create({ model, messages, tools, tool_choice: "auto" });
  const message = first.choices[0].message;
  const call = message.tool_calls?.[0];
  check(call?.function?.name === "weather", "a call of the tool");
  const given = JSON.parse(call.function.arguments);
  check(typeof given.city === "string", "a city in the arguments");
  messages.push(message, { role: "tool", tool_call_id: call.id, content: JSON.stringify({ sky: "clear" }) });
  const second = await client.chat.completions.create({ model, messages, tools });
  check(second.choices[0].message.content?.length > 0, "a text after the result");
  return { call: call.function, finish: first.choices[0].finish_reason, text: second.choices[0].message.content };
}

async function streamedTool() {
  const choice = { type: "function", function: { name: "weather" } };
  const messages = ask("What is the weather in Giessen?");
  const stream = await client.chat.completions.create({ model, messages, tools, tool_choice: choice, stream: true });
  let [name, written] = ["", ""];
  for await (const chunk of stream) {
    for (const part of chunk.choices[0]?.delta?.tool_calls ?? []) {
      name += part.function?.name ?? "";
      written += part.function?.arguments ?? "";
    }
  }
  check(name === "weather", "a call of the tool");
  return { name, arguments: JSON.parse(written) };
}

async function embedding() {
  const name = process.env.EMBEDDING_MODEL ?? model;
  const answer = await client.embeddings.create({ model: name, input: ["one text", "another text"] });
  check(answer.data.length === 2, "two vectors");
  check(Number.isFinite(answer.data[0].embedding[0]), "numbers");
  return { vectors: answer.data.length, dimensions: answer.data[0].embedding.length, usage: answer.usage };
}

async function models() {
  const names = [];
  for await (const one of client.models.list()) names.push(one.id);
  check(names.length > 0, "a model");
  return { names };
}

async function jsonSchema() {
  const response_format = { type: "json_schema", json_schema: schema };
  const answer = await client.chat.completions.create({ model, messages: ask("Invent a person."), response_format });
  const value = JSON.parse(answer.choices[0].message.content);
  check(typeof value.name === "string" && Number.isInteger(value.age), "a name and an age");
  return { value };
}

async function unknownModel() {
  try {
    await client.chat.completions.create({ model: "no-such-model", messages: ask("Hello.") });
  } catch (error) {
    return { refused: true, status: error.status ?? null, code: error.code ?? null, message: error.message };
  }
  return { refused: false };
}

const wanted = { chat, streamed, toolRound, streamedTool, embedding, models, jsonSchema, unknownModel };
const parts = {};
for (const [name, part] of Object.entries(wanted)) {
  try {
    parts[name] = { ok: true, ...(await part()) };
  } catch (error) {
    parts[name] = { ok: false, status: error.status ?? null, error: String(error.message ?? error) };
  }
}
const ok = Object.values(parts).every((part) => part.ok);
console.log(JSON.stringify({ version: VERSION, ok, parts }));
process.exitCode = ok ? 0 : 1;
