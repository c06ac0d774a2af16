// The page of `wolfgang serve` in a headless Chromium: node check_page.mjs URL FOLDER CHROMIUM, where
// FOLDER contains node_modules and gets the screenshots. `cargo xtask check-page` runs it.
//
// Completions come from the server at URL, so the texts on the page can be compared with those of
// the API; what a small model cannot be made to answer comes from scripted_replies.mjs.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { answerChats, chatReply, error, listModel, requireKey } from "./scripted_replies.mjs";
import { closeConnections, slowConnection } from "./slow_connection.mjs";

const [url, folder, browserName] = process.argv.slice(2);
// Playwright looks for no program in PATH.
const executablePath = execFileSync("sh", ["-c", 'command -v "$0"', browserName], { encoding: "utf8" }).trim();
const require = createRequire(join(resolve(folder), "node_modules/"));
const { chromium } = require("playwright-core");
const AXE = require.resolve("axe-core/axe.min.js");

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const errors = [];
const foreign = [];

/** A page in a browser that has stored nothing. */
const open = async ({ address = url, width = 1280, height = 860, colorScheme = "light" } = {}) => {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme, acceptDownloads: true });
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await context.addInitScript({ path: AXE });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  await page.route((target) => target.origin !== new URL(address).origin, (route) => {
    foreign.push(route.request().url());
    return route.abort();
  });
  page.on("pageerror", (one) => errors.push(String(one)));
  page.on("console", (message) => {
    // Refused requests, which some checks provoke, are logged by the browser itself.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) errors.push(message.text());
  });
  await page.goto(address);
  await page.waitForFunction(() => document.getElementById("model").value !== "");
  return page;
};

const connection = () => slowConnection(url);
const reply = (page) => page.locator("article.model").last();
const textOf = (page) => reply(page).locator(".text").textContent();
const button = (page, name) => page.getByRole("button", { name, exact: true });
const finished = (page) => reply(page).locator(".foot").waitFor();
const set = async (page, parameters) => {
  const open = await page.locator("#settings").isVisible();
  if (!open) await page.click("#toggle-settings");
  for (const [name, value] of Object.entries(parameters)) await page.fill(`#field-${name}`, String(value));
  if (!open) await page.click("#toggle-settings");
};
const send = async (page, text) => {
  await page.fill("#draft", text);
  await page.press("#draft", "Enter");
};
const complete = async (page, text, parameters = { max_tokens: 20 }) => {
  await set(page, parameters);
  await send(page, text);
  await finished(page);
};
const api = async (path, body) => {
  const response = await fetch(new URL(path, url), {
    method: body ? "POST" : "GET", headers: { "content-type": "application/json" }, body: body && JSON.stringify(body),
  });
  return response.json();
};
const chatting = async (page, ...answers) => {
  await listModel(page, "chat-model", true);
  await page.reload();
  await page.getByRole("radio", { name: "Chat" }).check();
  return answerChats(page, ...answers);
};
const noViolations = async (page, state) => {
  const { violations } = await page.evaluate(() => axe.run());
  assert.deepEqual(violations.map(({ id, nodes }) => `${state}: ${id} at ${nodes.map((node) => node.target)}`), []);
};

const PROMPT = "Habe nun, ach! Philosophie,\n\"Juristerei\" und 'Medizin'";

const checks = {
  async "the text on the page is that of the API, and repeating it finds it identical"() {
    const page = await open();
    await complete(page, PROMPT, { max_tokens: 20, seed: 5, temperature: 0.9 });
    const [{ id }] = (await api("/v1/models")).data;
    const { choices: [{ text }] } = await api("/v1/completions", { model: id, prompt: PROMPT, max_tokens: 20, seed: 5, temperature: 0.9 });
    assert.equal(await textOf(page), text);
    assert.match(await reply(page).locator(".meta").textContent(), /^20 tokens · [\d.,]+ tokens\/s · seed 5 · maximum length reached$/);
    const { count } = await api("/tokenize", { content: PROMPT + text, add_special: true, parse_special: false });
    await page.locator("#context").getByText(`${count} of `).waitFor();
    assert.ok((await page.locator("#live").textContent()).endsWith(text), "a finished reply is announced");
    await button(page, "Repeat with this seed").click();
    const said = await reply(page).locator(".good").textContent();
    assert.equal(said, `✓ Identical: ${text.length} characters, 20 tokens with equal probabilities.`);
    await page.route("**/v1/completions", async (route) => {
      const response = await route.fetch();
      const body = (await response.text()).replaceAll(/"text":"[^"]/g, '"text":"#');
      return route.fulfill({ response, body });
    });
    await button(page, "Repeat with this seed").click();
    assert.equal(await reply(page).locator("p.error").textContent(), "✗ Different from character 1 on.");
  },

  async "a reply as curl gives the same text"() {
    const page = await open();
    await complete(page, PROMPT);
    await button(page, "Code").click();
    const command = (await page.locator("#source").textContent()).replace("curl ", "curl --silent --show-error ");
    const answer = JSON.parse(execFileSync("sh", ["-c", command], { encoding: "utf8" }));
    assert.equal(answer.choices[0].text, await textOf(page));
    await page.getByLabel("Python").check();
    await button(page, "Copy").last().click();
    const python = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(python, /^from openai import OpenAI/);
    execFileSync("python3", ["-c", "import ast, sys; ast.parse(sys.stdin.read())"], { input: python });
  },

  async "stopping keeps the text, and its repetition is identical"() {
    const page = await open({ address: (await connection()).url });
    await set(page, { max_tokens: 220, other: '{"ignore_eos":true}' });
    for (const stop of [() => button(page, "Stop").click(), () => page.keyboard.press("Escape")]) {
      await page.keyboard.press("Alt+KeyN");
      await send(page, "FAUST.\n");
      await page.locator(".token").nth(3).waitFor({ state: "attached" });
      await stop();
      await finished(page);
      assert.match(await reply(page).locator(".meta").textContent(), /stopped/);
      const text = await textOf(page);
      assert.ok(text.length > 0);
      await button(page, "Repeat with this seed").click();
      assert.match(await reply(page).locator(".good").textContent(), new RegExp(`^✓ Identical: ${text.length} characters`));
    }
  },

  async "regenerating and editing add variants, and none is lost"() {
    const page = await open();
    await complete(page, "Mephistopheles");
    const first = await textOf(page);
    await button(page, "Regenerate").click();
    await finished(page);
    const second = await textOf(page);
    assert.notEqual(second, first);
    await button(page, "Previous variant").click();
    assert.equal(await textOf(page), first);
    assert.equal(await page.locator(":focus").getAttribute("aria-label"), "Previous variant");
    await page.keyboard.press("Alt+Period");
    assert.equal(await textOf(page), second);
    await page.focus("#draft");
    await page.keyboard.press("ArrowUp");
    await page.keyboard.type(", auftretend");
    await page.keyboard.press("Enter");
    await finished(page);
    const own = page.locator("article.user").first();
    assert.equal(await own.locator(".text").textContent(), "Mephistopheles, auftretend");
    assert.equal(await own.locator(".branches").textContent(), "‹2/2›");
    await own.getByLabel("Previous variant").click();
    assert.equal(await textOf(page), second);
    assert.equal(await reply(page).locator(".branches").textContent(), "‹2/2›");
    // A completion goes on where it ended.
    const request = page.waitForRequest("**/v1/completions");
    await button(page, "Continue").click();
    assert.equal((await request).postDataJSON().prompt, `Mephistopheles${second}`);
    await finished(page);
  },

  async "a token shows its probability and alternatives, by pointer and by keyboard"() {
    const page = await open();
    await complete(page, PROMPT);
    const inspector = page.locator("#inspector");
    await page.locator(".token:not(.break)").nth(2).click();
    assert.match(await inspector.textContent(), /% *(, the .*most likely|, below).*Token \d+ of 20/);
    assert.ok(await inspector.locator("tbody tr").count() >= 5);
    const row = inspector.locator("tr.chosen th");
    assert.equal((await row.textContent()).slice(1, -1), (await page.locator(".token.selected").textContent()).replaceAll("\n", "⏎"));
    await page.keyboard.press("Escape");
    assert.ok(await inspector.isHidden());
    await button(page, "Tokens").click();
    await page.keyboard.press("ArrowRight");
    assert.match(await inspector.textContent(), /Token 2 of 20/);
    await page.keyboard.press("Escape");
    assert.equal(await page.locator(":focus").textContent(), "Tokens");
  },

  async "all is there after a reload, also in the middle of a reply"() {
    const page = await open({ address: (await connection()).url });
    await complete(page, "Erster Auftritt.");
    const text = await textOf(page);
    await page.fill("#draft", "Entwurf");
    await page.reload();
    await finished(page);
    assert.equal(await textOf(page), text);
    assert.equal(await page.inputValue("#draft"), "Entwurf");
    await set(page, { max_tokens: 220, other: '{"ignore_eos":true}' });
    await page.press("#draft", "Enter");
    await page.locator(".running .token").nth(3).waitFor({ state: "attached" });
    const part = await textOf(page);
    await page.reload();
    await finished(page);
    assert.ok((await textOf(page)).startsWith(part));
    assert.match(await reply(page).locator(".meta").textContent(), /interrupted/);
  },

  async "an export contains all variants and can be imported"() {
    const page = await open();
    await complete(page, "Gretchen");
    await button(page, "Regenerate").click();
    await finished(page);
    await page.click("#toggle-list");
    const download = page.waitForEvent("download");
    await button(page, "Export").click();
    const file = await (await download).path();
    const { conversations: [exported] } = JSON.parse(readFileSync(file, "utf8"));
    assert.equal(exported.nodes.length, 3);
    const text = await textOf(page);
    await button(page, "Delete Gretchen").click();
    await button(page, "Delete").click();
    await page.locator("#start").waitFor();
    const importing = (buffer) => page.setInputFiles("#file", { name: "export.json", mimeType: "application/json", buffer: Buffer.from(buffer) });
    await importing(readFileSync(file));
    await finished(page);
    assert.equal(await textOf(page), text);
    assert.equal(await reply(page).locator(".branches").textContent(), "‹2/2›");
    const damaged = structuredClone(exported);
    damaged.nodes[1].parent = 5;
    exported.nodes[1].tokens[0].bytes = 1;
    for (const [wrong, message] of [
      ["{", "export.json is not JSON."],
      ["{}", "export.json is not an export of this page (format wolfgang-conversations, version 1)."],
      [JSON.stringify({ format: "wolfgang-conversations", version: 1, conversations: [damaged] }), "export.json was not imported: in conversation 1, node 1 has no earlier parent."],
      [JSON.stringify({ format: "wolfgang-conversations", version: 1, conversations: [exported] }), "export.json was not imported: in conversation 1, the tokens of node 1 have another form."],
    ]) {
      await importing(wrong);
      await page.getByText(message, { exact: true }).waitFor();
    }
    assert.equal(await page.locator("#conversations li").count(), 1);
  },

  async "a conversation can be deleted while it gets a reply"() {
    const page = await open({ address: (await connection()).url });
    await set(page, { max_tokens: 220, other: '{"ignore_eos":true}' });
    await send(page, "Siebel");
    await page.locator(".running .token").nth(3).waitFor({ state: "attached" });
    await page.click("#toggle-list");
    await button(page, "Delete Siebel").click();
    await button(page, "Delete").click();
    await page.locator("#start").waitFor();
    await button(page, "Complete").waitFor();
    await page.reload();
    await page.locator("#start").waitFor();
    assert.equal(await page.locator("#conversations li").count(), 0);
  },

  async "a server that requires a key is given one"() {
    const page = await open();
    await requireKey(page, "right");
    await page.reload();
    for (const key of ["wrong", "right"]) {
      await page.locator("#key-dialog[open]").waitFor();
      await page.fill("#key", key);
      await page.keyboard.press("Enter");
      if (key === "wrong") await page.getByText("The server does not accept this key.").waitFor();
    }
    await complete(page, "Wagner");
    await page.reload();
    await page.waitForFunction(() => document.getElementById("model").value !== "");
    assert.ok(await page.locator("#key-dialog").isHidden());
    assert.equal(await page.evaluate(() => JSON.stringify(localStorage).includes("right")), false);
    await page.fill("#draft", "x");
    await page.click("#code");
    assert.match(await page.locator("#source").textContent(), /Bearer \$WOLFGANG_API_KEY/);
  },

  async "a server that is gone costs no text"() {
    const line = await connection();
    const page = await open({ address: line.url });
    await set(page, { max_tokens: 220, other: '{"ignore_eos":true}' });
    await send(page, "Valentin");
    await page.locator(".running .token").nth(3).waitFor({ state: "attached" });
    await line.cut();
    await reply(page).getByText("The connection ended before the reply was complete. The part that arrived is kept.").waitFor();
    const part = await textOf(page);
    assert.ok(part.length > 0);
    await send(page, "Lieschen");
    await page.getByRole("alert").getByText("The server cannot be reached").waitFor();
    assert.deepEqual(await page.locator("article .text").allTextContents(), ["Valentin", part, "Lieschen", ""]);
    await line.restore();
    await page.locator("#notice").waitFor({ state: "hidden" });
    await set(page, { max_tokens: 20 });
    await button(page, "Try again").last().click();
    await reply(page).locator(".token").first().waitFor({ state: "attached" });
    await finished(page);
    assert.equal(await page.locator("article").count(), 4);
    await line.cut();
  },

  async "an error of the server is shown where it belongs"() {
    const page = await open();
    await set(page, { temperature: -1 });
    await send(page, "Marthe");
    await page.getByRole("alert").filter({ hasText: "temperature" }).waitFor();
    assert.equal(await page.getAttribute("#field-temperature", "aria-invalid"), "true");
    await page.fill("#field-temperature", "");
    await button(page, "Try again").click();
    await reply(page).locator(".token").first().waitFor({ state: "attached" });
    await page.fill("#field-other", "[]");
    await finished(page);
    await button(page, "Regenerate").click();
    await page.getByText("The setting “Other fields” is not a JSON object.").waitFor();
  },

  async "every setting is a field of the request"() {
    const page = await open();
    const requests = await chatting(page, chatReply(["ok"]));
    const numbers = { max_tokens: 30, min_tokens: 2, seed: 9, temperature: 0.7, dynatemp_range: 0.2, dynatemp_exponent: 1, top_k: 5,
      top_p: 0.5, min_p: 0.1, typical_p: 0.9, top_n_sigma: 2, repetition_penalty: 1.1, repeat_last_n: 32, presence_penalty: 0.2,
      frequency_penalty: -0.1, no_repeat_ngram_size: 4, dry_multiplier: 0.8, dry_base: 1.75, dry_allowed_length: 2, dry_penalty_last_n: 64,
      xtc_probability: 0.5, xtc_threshold: 0.1, mirostat: 2, mirostat_tau: 5, mirostat_eta: 0.1 };
    await set(page, { ...numbers, alternatives: 3, stop: "ENDE\n\\n\\n", other: '{"logit_bias":{"3":1}}' });
    await page.click("#toggle-settings");
    await page.check("#field-ignore_eos");
    await page.check("#field-include_stop_str_in_output");
    await page.fill("#system", "Be brief.");
    await send(page, "Hello");
    await finished(page);
    assert.deepEqual(requests[0], {
      model: "chat-model", messages: [{ role: "system", content: "Be brief." }, { role: "user", content: "Hello" }], ...numbers,
      ignore_eos: true, include_stop_str_in_output: true, logprobs: true, top_logprobs: 3, stop: ["ENDE", "\n\n"], logit_bias: { 3: 1 }, stream: true, stream_options: { include_usage: true },
    });
    // Another variant has another seed.
    await button(page, "Regenerate").click();
    await finished(page);
    assert.equal(requests[1].seed, undefined);
    const fields = page.locator("#fields :is(input, textarea)[id^=field-]");
    assert.equal(await fields.count(), Object.keys(numbers).length + 5, "each field is set above");
    await button(page, "Reset").click();
    await button(page, "Regenerate").click();
    await finished(page);
    assert.deepEqual(Object.keys(requests[2]).sort(), ["logprobs", "max_tokens", "messages", "model", "stream", "stream_options", "top_logprobs"]);
  },

  async "nothing of a reply, an error or a name is interpreted"() {
    const hostile = "<script>window.hacked=1</script><img src=x onerror=\"window.hacked=1\">[x](javascript:window.hacked=1) &amp; <b>";
    const page = await open();
    await chatting(page, chatReply([hostile, [hostile, undefined, [hostile]]]), error(400, hostile, "temperature"));
    await listModel(page, hostile, true);
    await page.reload();
    await page.click("#toggle-settings");
    await page.fill("#system", hostile);
    await send(page, hostile);
    await finished(page);
    assert.equal(await textOf(page), hostile + hostile);
    assert.equal(await page.locator("article.user .text").textContent(), hostile);
    await page.locator(".token").nth(1).click();
    await page.click("#toggle-list");
    await button(page, "Code").click();
    await page.keyboard.press("Escape");
    await button(page, "Regenerate").click();
    await page.getByRole("alert").waitFor();
    assert.equal(await page.locator("#notice p").textContent(), hostile);
    assert.equal(await page.locator("body script").count(), 1);
    assert.equal(await page.locator("img, b, a[href^='javascript']").count(), 0);
    assert.equal(await page.evaluate(() => window.hacked), undefined);
    // The policy itself refuses markup.
    const seen = errors.length;
    assert.match(await page.evaluate(() => {
      try {
        document.createElement("div").innerHTML = "<b>";
      } catch (error) {
        return error.message;
      }
      return "no error";
    }), /TrustedHTML/);
    errors.splice(seen);
  },

  async "a chat has branches, and a base model has none"() {
    const page = await open();
    const requests = await chatting(page, chatReply(["Good", " day"]), chatReply(["Hi"]), chatReply(["Bye"]));
    await send(page, "Hello");
    await finished(page);
    await button(page, "Regenerate").click();
    await finished(page);
    assert.equal(await textOf(page), "Hi");
    await button(page, "Previous variant").click();
    await send(page, "And now?");
    await finished(page);
    assert.deepEqual(requests[2].messages.map(({ content }) => content), ["Hello", "Good day", "And now?"]);
    await button(page, "Edit").nth(1).click();
    await page.keyboard.type("!");
    await button(page, "Save as a new variant").click();
    assert.equal(await page.locator("article.model .text").first().textContent(), "Good day!");
    await listModel(page, "base-model", false);
    await page.reload();
    await page.getByText("base-model").first().waitFor({ state: "attached" });
    await send(page, "Hello?");
    await page.getByText("base-model is a base model without a chat template: start a completion instead.").waitFor();
    await page.keyboard.press("Alt+KeyN");
    assert.ok(await page.getByRole("radio", { name: "Chat" }).isDisabled());
    await page.getByText("it can continue texts, but not chat").waitFor();
  },

  async "characters of several tokens, and a reply that breaks off"() {
    const page = await open();
    await chatting(page,
      chatReply([["\ufffd", [0xc3]], ["\ufffd", [0xb6]], "<end>"], { text: "ö" }),
      chatReply(["Half a"], { finish_reason: null }));
    await send(page, "Umlaut");
    await finished(page);
    assert.equal(await textOf(page), "ö");
    await page.locator(".token").click();
    assert.match(await page.locator("#inspector h2").textContent(), /C3/);
    await page.keyboard.press("ArrowRight");
    await button(page, "Next token").click();
    assert.match(await page.locator("#inspector").textContent(), /Token 2 of 3/);
    await button(page, "Regenerate").click();
    await page.getByText("The connection ended before the reply was complete. The part that arrived is kept.").first().waitFor();
    assert.equal(await textOf(page), "Half a");
  },

  async "keys: line breaks, new conversation, settings"() {
    const page = await open();
    assert.equal(await page.locator(":focus").getAttribute("id"), "draft");
    await page.keyboard.type("a");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("b");
    assert.equal(await page.inputValue("#draft"), "a\nb");
    await page.keyboard.press("Alt+KeyN");
    assert.equal(await page.inputValue("#draft"), "");
    await page.keyboard.press("Alt+KeyS");
    assert.ok(await page.locator("#settings").isVisible());
    await page.keyboard.press("Alt+KeyS");
    assert.ok(await page.locator("#settings").isHidden());
    await page.locator(".skip").focus();
    await page.keyboard.press("Enter");
    assert.equal(await page.locator(":focus").getAttribute("id"), "draft");
  },
};

for (const [name, view] of Object.entries({
  "wide-light": { colorScheme: "light" },
  "wide-dark": { colorScheme: "dark" },
  "phone-light": { colorScheme: "light", width: 360, height: 740 },
  "phone-dark": { colorScheme: "dark", width: 360, height: 740 },
})) {
  checks[`accessibility and pictures: ${name}`] = async () => {
    const page = await open(view);
    const picture = async (state) => {
      await page.screenshot({ path: join(folder, `${name}-${state}.png`) });
      await noViolations(page, state);
      const wide = await page.evaluate(() => document.scrollingElement.scrollWidth - innerWidth);
      assert.equal(wide, 0, `${state} can be scrolled sideways`);
    };
    await picture("start");
    await complete(page, PROMPT, { max_tokens: 60 });
    await button(page, "Regenerate").click();
    await finished(page);
    await button(page, "Repeat with this seed").click();
    await reply(page).locator(".good").waitFor();
    await page.locator(".token:not(.break)").nth(4).click();
    await picture("token");
    await page.click("#toggle-settings");
    await page.check("#marks");
    await page.locator("#settings").evaluate((panel) => { panel.scrollTop = 0; });
    await picture("settings");
    await page.click("#close-settings");
    await page.click("#toggle-list");
    await picture("list");
    await page.keyboard.press("Escape");
    await button(page, "Edit").first().click();
    await picture("edit");
    await button(page, "Cancel").click();
    for (const [opener, state] of [["#help", "help"], ["#code", "code"]]) {
      await page.fill("#draft", "Weiter");
      await page.click(opener);
      await picture(state);
      await page.keyboard.press("Escape");
    }
    await page.route("**/v1/**", (route) => route.abort("connectionrefused"));
    await page.press("#draft", "Enter");
    await page.getByRole("alert").waitFor();
    await picture("unreachable");
  };
}

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  const start = Date.now();
  try {
    await check();
    console.log(`ok      ${name} (${((Date.now() - start) / 1000).toFixed(1)} s)`);
  } catch (problem) {
    failed += 1;
    console.log(`FAILED  ${name}\n${problem.stack}`);
  }
  for (const context of browser.contexts()) await context.close();
}
await browser.close();
closeConnections();
for (const one of errors) console.log(`FAILED  an error in the page: ${one}`);
for (const one of foreign) console.log(`FAILED  a request to another server: ${one}`);
process.exitCode = failed + errors.length + foreign.length > 0 ? 1 : 0;
