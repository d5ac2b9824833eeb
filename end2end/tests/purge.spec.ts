// Purging over HTTP.
import { assertFresh, assertStale, makeFresh, peek, untilRegenerated } from "../support/cache-status";
import { ISR_TOKEN } from "../support/secrets";
import { type Server, expect, test } from "../support/server";

// The other articles of the section link to it.
const SHOW_RAIN = ["/articles/rain", "/articles/snow", "/sections/weather", "/", "/feed.xml"];
const PAGES = [...SHOW_RAIN, "/about"];

async function purge(server: Server, what: object, token: string) {
  const headers = token ? { Authorization: `Bearer ${token}` } : undefined;
  const answer = await server.request.post("/_isr/purge", { data: what, headers });
  return answer.status();
}

test("a tag makes exactly the pages stale that carry it", async ({ start, settings }) => {
  const server = await start({ ...settings, ISR_TOKEN });
  const { request } = server;
  for (const path of PAGES) await makeFresh(request, path);

  const tag = { tags: ["article:rain"] };
  expect(await purge(server, tag, "")).toBe(401);
  expect(await purge(server, tag, "guess")).toBe(401);
  expect(await purge(server, { tag: "article:rain" }, ISR_TOKEN)).toBe(400);
  for (const path of PAGES) assertFresh(await peek(request, path));

  expect(await purge(server, tag, ISR_TOKEN)).toBe(204);
  assertFresh(await peek(request, "/about"));
  for (const path of SHOW_RAIN.slice(1)) assertStale(await peek(request, path), "purged");
  const old = await request.get(PAGES[0]);
  assertStale(old, "purged");
  await untilRegenerated(request, PAGES[0], old);
});

test("without a token there is no purging", async ({ start, settings }) => {
  const server = await start(settings);
  expect(await purge(server, { tags: ["articles"] }, ISR_TOKEN)).toBe(404);
});

test("a purge that was answered outlives a power cut", async ({ start, settings }) => {
  const before = await start({ ...settings, ISR_TOKEN });
  for (const path of PAGES) await makeFresh(before.request, path);
  expect(await purge(before, { tags: ["article:rain"] }, ISR_TOKEN)).toBe(204);
  await before.kill();

  const after = await start({ ...settings, ISR_TOKEN });
  const old = await after.request.get("/articles/rain");
  assertStale(old, "purged");
  for (const path of SHOW_RAIN.slice(1)) assertStale(await peek(after.request, path), "purged");
  assertFresh(await after.request.get("/about"));
  await untilRegenerated(after.request, "/articles/rain", old);
});
