// Full hydration: the stored page stays as it is, and links are followed without a load.
import { type Page, type Request, expect, test } from "@playwright/test";
import { serve } from "./server";
import { assertFresh, cacheStatus } from "../support/cache-status";
import { complaints } from "../support/site";

declare global {
  interface Window {
    hasRouter?: boolean;
    stored?: Element[];
  }
}

const heading = (page: Page) => page.getByRole("heading", { level: 1 });
const link = (page: Page, name: string) => page.getByRole("link", { name, exact: true });
const untilHydrated = (page: Page) => page.waitForFunction(() => window.hasRouter);

/** The paths that are asked for from now on. */
function requests(page: Page): string[] {
  const paths: string[] = [];
  page.on("request", (request) => paths.push(new URL(request.url()).pathname));
  return paths;
}

/** The addresses of the documents that are loaded from now on. */
function loads(page: Page): string[] {
  const addresses: string[] = [];
  page.on("request", (request: Request) => {
    if (request.isNavigationRequest()) addresses.push(new URL(request.url()).pathname);
  });
  return addresses;
}

async function open(page: Page, path: string) {
  await page.goto(path);
  await untilHydrated(page);
}

test.beforeEach(async ({ page }) => {
  // The router listens to the history in the task that hydrates the page; before, the loader does.
  await page.addInitScript(() => {
    const { addEventListener } = window;
    window.addEventListener = function (...listener: [string, any, ...unknown[]]) {
      if (listener[0] === "popstate" && listener[1].name !== "leave") window.hasRouter = true;
      return Reflect.apply(addEventListener, window, listener);
    };
  });
});

for (const path of ["/", "/articles/two-builds", "/list?page=2", "/guests", "/about"]) {
  test(`${path} is hydrated as it was stored, under a strict policy and without a complaint`, async ({ page }) => {
    const said = complaints(page);
    let begin = () => {};
    const held = new Promise<void>((resolve) => (begin = resolve));
    await page.route("**/pkg/start.*.wasm", async (route) => {
      await held;
      await route.continue();
    });
    const answer = await page.goto(path);
    expect(answer!.headers()["content-security-policy"]).not.toContain("unsafe-inline");
    await page.evaluate(() => {
      window.stored = [...document.body.querySelectorAll("*")];
    });
    begin();
    await untilHydrated(page);
    await page.waitForLoadState("networkidle");
    const isAsStored = await page.evaluate(() => {
      const shown = [...document.body.querySelectorAll("*")];
      return shown.length === window.stored!.length && shown.every((element, at) => element === window.stored![at]);
    });
    expect(isAsStored, "each element is that of the document").toBe(true);
    expect(said).toEqual([]);
  });
}

test("the program comes compressed", async ({ page }) => {
  const sent = page.waitForResponse(/\/pkg\/start\..*\.wasm$/);
  await page.goto("/");
  expect((await sent).headers()["content-encoding"]).toBe("br");
});

test("clicks reach every page without a load, and read what is stored", async ({ page, request }) => {
  const said = complaints(page);
  await open(page, "/");
  const [paths, addresses] = [requests(page), loads(page)];
  await link(page, "All articles").click();
  await expect(heading(page)).toHaveText("All articles");
  await link(page, "Older").click();
  await expect(page).toHaveURL("/list?page=2");
  const answered = page.waitForResponse(/\/api\/read_article/);
  const story = page.getByRole("main").getByRole("link").first();
  const title = await story.innerText();
  await story.click();
  await expect(heading(page)).toHaveText(title);
  await expect(page).toHaveTitle(title);
  await link(page, "Guest book").click();
  await expect(heading(page)).toHaveText("Guest book");
  await link(page, "About").click();
  await expect(heading(page)).toHaveText("About");
  expect(addresses).toEqual([]);
  expect(paths.filter((path) => !/^\/api\/|^\/pkg\/.*\.wasm$|^\/favicon/.test(path))).toEqual([]);
  assertFresh(await request.get((await answered).url()));
  expect(said).toEqual([]);
});

test("back and forward go through the visited pages", async ({ page }) => {
  await open(page, "/about");
  const addresses = loads(page);
  await link(page, "All articles").click();
  await expect(heading(page)).toHaveText("All articles");
  await link(page, "Older").click();
  await expect(page.getByText("Page 2")).toBeVisible();
  await page.goBack();
  await expect(page.getByText("Page 1")).toBeVisible();
  await page.goBack();
  await expect(heading(page)).toHaveText("About");
  await page.goForward();
  await expect(heading(page)).toHaveText("All articles");
  expect(addresses).toEqual([]);
});

test("going back before a page is hydrated loads the page before", async ({ page }) => {
  const said = complaints(page);
  await open(page, "/");
  await link(page, "All articles").click();
  await expect(heading(page)).toHaveText("All articles");
  let begin = () => {};
  const held = new Promise<void>((resolve) => (begin = resolve));
  await page.route("**/pkg/start.*.wasm", async (route) => {
    await held;
    await route.continue();
  });
  await page.reload();
  // The entry before is of the same document, so the browser loads nothing by itself.
  await page.evaluate(() => history.back());
  await expect(heading(page)).toHaveText("Start");
  begin();
  await untilHydrated(page);
  await link(page, "About").click();
  await expect(heading(page)).toHaveText("About");
  expect(said).toEqual([]);
});

for (const javaScriptEnabled of [true, false]) {
  test.describe(() => {
    test.use({ javaScriptEnabled });
    test(`who signs the guest book sees it ${javaScriptEnabled ? "without a load" : "without scripts"}`, async ({
      page,
      request,
    }) => {
      const name = `Visitor ${javaScriptEnabled ? 1 : 2}`;
      await page.goto("/guests");
      if (javaScriptEnabled) await untilHydrated(page);
      const addresses = loads(page);
      await page.getByLabel("Your name").fill(name);
      await page.getByRole("button", { name: "Sign" }).click();
      await expect(page.getByRole("listitem").filter({ hasText: name })).toBeVisible();
      if (javaScriptEnabled) expect(addresses).toEqual([]);
      const stored = await request.get("/guests");
      expect(cacheStatus(stored).detail).not.toBe("purged");
      expect(await stored.text()).toContain(name);
    });
  });
}

test("a link whose data another build answers leads to one full load", async ({ page }) => {
  const said = complaints(page);
  await open(page, "/");
  const addresses = loads(page);
  const answer = { status: 404, headers: { "x-isr-build": "another" }, body: "" };
  await page.route("**/api/read_article*", (route) => route.fulfill(answer));
  const story = page.getByRole("main").getByRole("link").first();
  const title = await story.innerText();
  const loaded = page.waitForEvent("load");
  await story.click();
  await loaded;
  await untilHydrated(page);
  await expect(heading(page)).toHaveText(title);
  expect(addresses).toHaveLength(1);
  await page.goBack();
  await expect(heading(page)).toHaveText("Start");
  expect(said.filter((line) => !line.includes("/api/"))).toEqual([]);
});

test("a tab that outlives its server is taken to the pages of the next build", async ({ page }, testInfo) => {
  const said = complaints(page);
  const build = () => page.locator("meta[name=isr-build]").getAttribute("content");
  const first = await serve(testInfo.outputPath(), "first", "127.0.0.1:0");
  await open(page, `${first.url}/articles/two-builds`);
  const before = await build();
  await first.stop();

  const second = await serve(testInfo.outputPath(), "second", new URL(first.url).host);
  const addresses = loads(page);
  await link(page, "All articles").click();
  await expect(heading(page)).toHaveText("All articles");
  await expect.poll(build).not.toBe(before);
  await untilHydrated(page);
  await link(page, "Older").click();
  await expect(page.getByText("Page 2")).toBeVisible();
  expect(addresses).toEqual(["/list"]);
  expect(said).toEqual([]);
  await second.stop();
});
test("a lazy page whose file is gone with an old build leads to one full load, and the program goes on", async ({
  page,
}) => {
  await page.route("**/pkg/split_*.wasm", (route) => route.fulfill({ status: 404, body: "" }));
  await open(page, "/");
  const addresses = loads(page);
  await link(page, "About").click();
  await expect(heading(page)).toHaveText("About");
  // The file is gone for the new document too, so its program ends. It is not loaded over and over.
  await page.waitForLoadState("networkidle");
  await expect(heading(page)).toHaveText("About");
  await link(page, "All articles").click();
  await expect(heading(page)).toHaveText("All articles");
  expect(addresses).toEqual(["/about", "/list"]);
  await untilHydrated(page);
  await link(page, "Older").click();
  await expect(page.getByText("Page 2")).toBeVisible();
  expect(addresses).toHaveLength(2);
});
