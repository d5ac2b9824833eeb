// What runs in the browser: the islands, in the nodes that the server sent.
import { type Page, expect, test } from "@playwright/test";
import { ARTICLE, complaints, open } from "../support/site";

/** The program of an article: at most this much over the wire, in bytes. */
const MOST = 45_000;

test("islands take over the nodes that the server sent", async ({ page }) => {
  const said = complaints(page);
  await page.addInitScript(() => {
    document.addEventListener("DOMContentLoaded", () => {
      Object.assign(window, { sent: [...document.querySelectorAll("leptos-island *")] });
    });
  });
  await open(page, ARTICLE);
  await page.getByRole("button", { name: /^Theme/ }).click();
  const [sent, now] = await page.evaluate(() => {
    const now = [...document.querySelectorAll("leptos-island *")];
    const { sent } = window as unknown as { sent: Element[] };
    return [sent.length, now.filter((node, place) => node === sent[place]).length];
  });
  expect(sent, "buttons, their texts, a status").toBeGreaterThan(8);
  expect(now).toBe(sent);
  await expect(page.locator("html")).toHaveAttribute("data-theme", "light");
  expect(said).toEqual([]);
});

test(`an article needs at most ${MOST} bytes of program`, async ({ page }) => {
  await open(page, ARTICLE);
  const sizes = await program(page);
  expect(sizes.length, "a script and the program").toBeGreaterThanOrEqual(2);
  const sum = sizes.reduce((sum, size) => sum + size, 0);
  expect(sum).toBeGreaterThan(10_000);
  expect(sum).toBeLessThanOrEqual(MOST);
});

/** The sizes of what was fetched to run, compressed. */
async function program(page: Page): Promise<number[]> {
  return page.evaluate(() =>
    (performance.getEntriesByType("resource") as PerformanceResourceTiming[])
      .filter(({ name }) => /\.(js|wasm)$/.test(name))
      .map(({ encodedBodySize }) => encodedBodySize),
  );
}
