// Another build of the server answers an open tab: a full load, and no error.
import { type Page, type Request, type Route, expect, test } from "@playwright/test";
import { test as serverTest } from "../support/server";
import { complaints, open, untilHydrated } from "../support/site";

const OTHER_BUILD = { "x-isr-build": "other-build" };

/** The addresses of the documents that are loaded from now on. */
function loads(page: Page): string[] {
  const addresses: string[] = [];
  page.on("request", (request: Request) => {
    if (!request.isNavigationRequest()) return;
    const { pathname, search } = new URL(request.url());
    addresses.push(pathname + search);
  });
  return addresses;
}

/** Does something that leads to a full load, and waits until the new document is hydrated. */
async function untilLoadedBy(page: Page, act: () => Promise<void>) {
  const loaded = page.waitForEvent("domcontentloaded");
  await act();
  await loaded;
  await untilHydrated(page);
}

/** What the open page asks for is answered as another build would; documents are the server's own. */
async function answerAsOtherBuild(route: Route) {
  if (route.request().isNavigationRequest()) return route.continue();
  const response = await route.fetch();
  await route.fulfill({ response, headers: { ...response.headers(), ...OTHER_BUILD } });
}

/** Presses the button until the page has asked; its part of the program may still be on the way. */
async function press(page: Page) {
  const button = page.getByRole("button", { name: "Ask the server again" });
  await expect(async () => {
    const asked = page.waitForRequest("**/live", { timeout: 500 });
    await button.click();
    await asked;
  }).toPass();
}

/** Has the page ask, and waits for the answer of the other build. */
async function ask(page: Page) {
  const answered = page.waitForResponse((response) => response.headers()["x-isr-build"] === "other-build");
  await press(page);
  await (await answered).finished();
}

test("where two builds serve side by side, a page is loaded once, and then stays as it is", async ({ page }) => {
  const said = complaints(page);
  await page.route("**/live", answerAsOtherBuild);
  // An event would let the page ask as well.
  await page.route("**/_isr/live*", (route) => route.abort());
  await open(page, "/live");
  const addresses = loads(page);
  await untilLoadedBy(page, () => press(page));
  for (let times = 0; times < 3; times++) await ask(page);
  expect(addresses).toEqual(["/live"]);
  await expect(page.locator("#article-count")).toHaveText(/^\d+$/);
  expect(said.filter((line) => !line.includes("/_isr/live"))).toEqual([]);
});

test("a page with text that was typed and not sent is not loaded", async ({ page }) => {
  await page.route("**/live", answerAsOtherBuild);
  await page.route("**/_isr/live*", (route) => route.abort());
  await open(page, "/live");
  await page.evaluate(() => document.querySelector("#content")!.insertAdjacentHTML("beforebegin", "<input id=typed>"));
  await page.locator("#typed").fill("not sent");
  const addresses = loads(page);
  for (let times = 0; times < 3; times++) await ask(page);
  await expect(page.locator("#typed")).toHaveValue("not sent");
  expect(addresses).toEqual([]);
});

serverTest("a tab that outlives its server is taken to the next build's page", async ({ page, start, settings }) => {
  const build = () => page.locator("meta[name=isr-build]").getAttribute("content");
  const live = { ...settings, ISR_REVALIDATE: "/=1s" };
  const before = await start({ ...live, ISR_BUILD_ID: "build-1" });
  expect((await before.request.get("/about")).headers()["x-isr-build"]).toBe("build-1");
  await open(page, `${before.url}/`);
  expect(await build()).toBe("build-1");
  expect(await before.stop()).toBe(0);

  // The stream is opened anew, and what it tells leads to the new build.
  const addresses = loads(page);
  await start({ ...live, ISR_BUILD_ID: "build-2", LEPTOS_SITE_ADDR: new URL(before.url).host });
  await expect.poll(build, { timeout: 15_000 }).toBe("build-2");
  await untilHydrated(page);
  expect(addresses).toEqual(["/"]);
});
