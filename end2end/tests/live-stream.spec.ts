// Open pages learn that they were regenerated, by one stream of events a tab.
import { type APIRequestContext, type Page, type Request, expect, test as base } from "@playwright/test";
import { assertFresh, makeFresh } from "../support/cache-status";
import { ISR_TOKEN } from "../support/secrets";
import { test as serverTest } from "../support/server";
import { complaints, open, signIn } from "../support/site";

const test = base;

const moment = (page: Page) => page.locator("#rendered-at");

function shownMoment(page: Page) {
  return moment(page).getAttribute("datetime");
}

/** The page's streams from now on: how many are open, how many were at most, and what was asked. */
class Streams {
  open = 0;
  most = 0;
  readonly asked: { at: number; query: URLSearchParams }[] = [];

  constructor(page: Page) {
    const isStream = (request: Request) => new URL(request.url()).pathname === "/_isr/live";
    page.on("request", (request) => {
      if (!isStream(request)) return;
      this.asked.push({ at: Date.now(), query: new URL(request.url()).searchParams });
      this.most = Math.max(this.most, ++this.open);
    });
    const end = (request: Request) => void (isStream(request) && this.open--);
    page.on("requestfailed", end);
    page.on("requestfinished", end);
  }

  async untilOpen(path: string) {
    const watched = () => (this.open === 1 ? this.asked.at(-1)!.query.getAll("page") : []);
    await expect.poll(watched, { message: `${path} is watched`, intervals: [20] }).toEqual([path]);
  }
}

async function setHidden(page: Page, isHidden: boolean) {
  await page.evaluate((isHidden) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => isHidden });
    document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
  }, isHidden);
}

async function regenerate(request: APIRequestContext, path: string) {
  const headers = { Authorization: `Bearer ${ISR_TOKEN}` };
  const answer = await request.post("/_isr/regenerate", { data: { paths: [path] }, headers });
  expect(answer.status()).toBe(200);
}

test("what the editor publishes appears in the tabs that show it, without a load", async ({ page, context, request }) => {
  const [front, live] = [await context.newPage(), await context.newPage()];
  const said = [complaints(front), complaints(live)];
  const streams = [new Streams(front), new Streams(live)];
  await makeFresh(request, "/");
  await open(front, "/");
  await open(live, "/live");
  await streams[0].untilOpen("/");
  await streams[1].untilOpen("/live");
  for (const tab of [front, live]) await tab.evaluate(() => Object.assign(window, { isSameDocument: true }));
  const count = Number(await live.locator("#article-count").innerText());

  await open(page, "/editor");
  await signIn(page);
  await page.getByRole("link", { name: "New article" }).click();
  await page.getByLabel("Title").fill("Seen without a load");
  await page.getByLabel("Summary").fill("For the tests.");
  await page.getByLabel("Section").fill("Leptos");
  await page.getByLabel("Author").fill("The Editor");
  await page.getByLabel("Body, in Markdown").fill("Text.");
  await page.getByRole("button", { name: "Publish" }).click();
  await expect(page.getByText("Saved and published.")).toBeVisible();
  await expect(front.getByRole("heading", { name: "Seen without a load" })).toBeVisible();
  await expect(live.locator("#article-count")).toHaveText(String(count + 1));
  // Nobody but the open pages asked for them.
  const stored = await request.get("/");
  assertFresh(stored);
  expect(await stored.text()).toContain("Seen without a load");

  await page.getByText("Delete this article").click();
  await page.getByLabel("Delete it for good").check();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await expect(front.getByRole("heading", { name: "Seen without a load" })).toHaveCount(0);
  await expect(live.locator("#article-count")).toHaveText(String(count));

  for (const tab of [front, live]) expect(await tab.evaluate(() => "isSameDocument" in window)).toBe(true);
  expect(streams.map(({ most, asked }) => [most, asked.length])).toEqual([[1, 1], [1, 1]]);
  expect(said).toEqual([[], []]);
});

test("who gets a stale page sees the new one soon after", async ({ page, request }) => {
  const stored = await makeFresh(request, "/live");
  const [, old] = /id="rendered-at" datetime="([^"]+)"/.exec(await stored.text())!;
  await request.post("/_isr/purge", {
    data: { paths: ["/live"] },
    headers: { Authorization: `Bearer ${ISR_TOKEN}` },
  });
  const response = await page.goto("/live");
  expect(await response!.text()).toContain(old);
  await expect(moment(page)).not.toHaveAttribute("datetime", old);
});

test("a hidden tab has no stream, and catches up when it is shown", async ({ page, request }) => {
  await makeFresh(request, "/live");
  const streams = new Streams(page);
  await open(page, "/live");
  await streams.untilOpen("/live");
  // An event has come, and was followed: nothing is under way when the tab is hidden.
  const first = (await shownMoment(page))!;
  await regenerate(request, "/live");
  await expect(moment(page)).not.toHaveAttribute("datetime", first);
  await setHidden(page, true);
  await expect.poll(() => streams.open).toBe(0);
  const asked = streams.asked.length;
  const before = (await shownMoment(page))!;

  await regenerate(request, "/live");
  expect(await shownMoment(page)).toBe(before);
  expect(streams.asked.length, "nothing is asked while the tab is hidden").toBe(asked);

  await setHidden(page, false);
  await streams.untilOpen("/live");
  expect(streams.asked.at(-1)!.query.get("last")).toMatch(/^\d+-[0-9a-f]{8}$/);
  await expect(moment(page)).not.toHaveAttribute("datetime", before);
  expect(streams.most).toBe(1);
});

test("a tab that is opened hidden begins its stream when it is shown", async ({ page }) => {
  await page.addInitScript(() => Object.defineProperty(document, "hidden", { configurable: true, get: () => true }));
  const streams = new Streams(page);
  await open(page, "/live");
  await page.getByRole("button", { name: "Ask the server again" }).click();
  await expect(moment(page)).toBeVisible();
  expect(streams.asked).toEqual([]);
  await setHidden(page, false);
  await streams.untilOpen("/live");
});

test("a navigation in the tab takes the stream along", async ({ page }) => {
  const streams = new Streams(page);
  const follow = (name: string) =>
    page.getByRole("navigation", { name: "Main" }).getByRole("link", { name, exact: true }).click();
  await open(page, "/");
  await streams.untilOpen("/");
  await follow("Live");
  await streams.untilOpen("/live");
  await follow("About");
  await expect.poll(() => streams.open).toBe(0);
  await follow("Home");
  await streams.untilOpen("/");
});

test("a stream that cannot be opened is tried again, each time later", async ({ page, request }) => {
  const streams = new Streams(page);
  await page.route("**/_isr/live*", (route) => route.abort());
  await open(page, "/live");
  await expect.poll(() => streams.asked.length, { timeout: 10_000 }).toBe(3);
  const [first, second, third] = streams.asked.map(({ at }) => at);
  expect(second - first).toBeGreaterThan(480);
  expect(third - second).toBeGreaterThan(980);

  await page.unroute("**/_isr/live*");
  const before = (await shownMoment(page))!;
  await regenerate(request, "/live");
  await expect(moment(page)).not.toHaveAttribute("datetime", before, { timeout: 10_000 });
});

serverTest("open pages do not hold up the server's end", async ({ page, start, settings }) => {
  const server = await start(settings);
  const streams = new Streams(page);
  await open(page, `${server.url}/live`);
  await streams.untilOpen("/live");
  const began = Date.now();
  expect(await server.stop()).toBe(0);
  expect(Date.now() - began).toBeLessThan(5_000);
});
