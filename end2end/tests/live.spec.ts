// `/live` is fresh for two seconds: what a reader sees of a regeneration.
import { type Page, expect, test } from "@playwright/test";
import { assertFresh, assertStale, makeFresh, untilRegenerated, untilStale } from "../support/cache-status";
import { open } from "../support/site";

/** In seconds. */
const PERIOD = 2;

function shownMoment(page: Page) {
  return page.locator("#rendered-at").getAttribute("datetime");
}

// What an open page learns by itself is the matter of live-stream.spec.ts.
test.beforeEach(({ page }) => page.route("**/_isr/live*", (route) => route.abort()));

test("a stale page is shown once more, then the new one", async ({ page, request }) => {
  await makeFresh(request, "/live");
  assertFresh((await page.goto("/live"))!);
  const first = await shownMoment(page);

  await untilStale(PERIOD);
  const stale = (await page.goto("/live"))!;
  assertStale(stale);
  expect(await shownMoment(page)).toBe(first);

  await untilRegenerated(request, "/live", stale);
  assertFresh((await page.goto("/live"))!);
  expect(Date.parse((await shownMoment(page))!)).toBeGreaterThan(Date.parse(first!));
});

test("the button shows the newest stored page without a load", async ({ page, request }) => {
  await makeFresh(request, "/live");
  await open(page, "/live");
  await page.evaluate(() => Object.assign(window, { isSameDocument: true }));
  const stored = Date.parse((await shownMoment(page))!);
  const ask = page.getByRole("button", { name: "Ask the server again" });
  await untilStale(PERIOD);
  await ask.click();
  await untilRegenerated(request, "/live", await request.get("/live"));
  await ask.click();
  await expect.poll(async () => Date.parse((await shownMoment(page))!)).toBeGreaterThan(stored);
  expect(await page.evaluate(() => "isSameDocument" in window)).toBe(true);
});
