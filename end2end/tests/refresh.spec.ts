// An open page becomes what its stored page has become, in place.
import { type CDPSession, type Page, expect, test } from "@playwright/test";
import { complaints, open } from "../support/site";

/** Answers what the open page asks for with another count of articles each time. */
async function countUp(page: Page) {
  let count = 1_000;
  await page.route("**/live", async (route) => {
    if (route.request().isNavigationRequest()) return route.continue();
    const response = await route.fetch();
    const body = (await response.text()).replace(/(id="article-count">)\d+/, `$1${++count}`);
    await route.fulfill({ response, body });
  });
  await page.route("**/_isr/live*", (route) => route.abort());
}

/** Presses the button until the page has changed `times` times; its part of the program may still be on the way. */
async function swap(page: Page, times: number) {
  await page.evaluate(async (times) => {
    const count = () => document.querySelector("#article-count")!.textContent;
    const button = [...document.querySelectorAll("button")].find((button) => button.textContent!.includes("Ask"))!;
    for (let swaps = 0; swaps < times; swaps++) {
      const before = count();
      for (let waited = 0; count() === before; waited++) {
        if (waited % 200 === 0) button.click();
        await new Promise((later) => setTimeout(later, 1));
      }
    }
  }, times);
}

async function held(session: CDPSession) {
  for (let times = 0; times < 3; times++) await session.send("HeapProfiler.collectGarbage");
  const { metrics } = await session.send("Performance.getMetrics");
  const of = (name: string) => metrics.find((metric) => metric.name === name)!.value;
  return { listeners: of("JSEventListeners"), nodes: of("Nodes"), heap: of("JSHeapUsedSize") };
}

test("islands stay as they are, with the focus, while the page around them changes", async ({ page }) => {
  const said = complaints(page);
  await countUp(page);
  await open(page, "/live");
  const ask = page.getByRole("button", { name: "Ask the server again" });
  await ask.focus();
  await ask.evaluate((button) => Object.assign(button, { isSame: true }));
  await page.evaluate(() => window.scrollTo(0, 40));
  const scrolled = await page.evaluate(() => window.scrollY);
  await swap(page, 2);
  await expect(page.locator("#article-count")).toHaveText("1002");
  await expect(ask).toBeFocused();
  expect(await ask.evaluate((button) => "isSame" in button)).toBe(true);
  expect(await page.evaluate(() => window.scrollY)).toBe(scrolled);
  expect(said.filter((line) => !line.includes("/_isr/live"))).toEqual([]);
});

test("a page that has changed a thousand times holds no more than before", async ({ page }) => {
  test.setTimeout(120_000);
  await countUp(page);
  await open(page, "/live");
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  await swap(page, 20);
  const before = await held(session);
  await swap(page, 1_000);
  const after = await held(session);
  expect(after.listeners).toBeLessThanOrEqual(before.listeners);
  expect(after.nodes - before.nodes).toBeLessThan(50);
  expect(after.heap - before.heap, "bytes").toBeLessThan(500_000);
});
