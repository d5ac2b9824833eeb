// Every public page, opened cold in a browser with JavaScript.
import { type Page, expect, test } from "@playwright/test";
import { ARTICLE, PUBLIC_PAGES, assertShows, complaints, open, untilHydrated } from "../support/site";

for (const publicPage of PUBLIC_PAGES) {
  test(`${publicPage.path} hydrates without a complaint of the browser`, async ({ page }) => {
    const said = complaints(page);
    const response = await open(page, publicPage.path);
    expect(response.status()).toBe(publicPage.status);
    await assertShows(page, publicPage);

    const theme = page.getByRole("button", { name: /^Theme/ });
    await expect(theme).toHaveText("Theme: auto");
    await theme.click();
    await theme.click();
    await expect(theme).toHaveText("Theme: dark");
    await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
    await assertShows(page, publicPage);
    expect(said).toEqual([]);
  });
}

test("theme and text size outlive a reload, and are applied before the page hydrates", async ({ page }) => {
  const said = complaints(page);
  await open(page, ARTICLE);
  const before = await fontSize(page);
  await page.getByRole("button", { name: "Larger text" }).click();
  await page.getByRole("button", { name: /^Theme/ }).click();
  await assertSettings(page, "light", "1");
  expect(await fontSize(page)).toBeGreaterThan(before);

  await page.reload();
  await untilHydrated(page);
  await assertSettings(page, "light", "1");
  await expect(page.getByRole("button", { name: /^Theme/ })).toHaveText("Theme: light");
  expect(said).toEqual([]);

  await page.route("**/pkg/*.{js,wasm}", (route) => route.abort());
  await page.reload();
  await assertSettings(page, "light", "1");
  await expect(page.locator("html[data-hydrated]")).not.toBeAttached();
});

test("text size has a smallest and a largest step", async ({ page }) => {
  await open(page, "/about");
  const [smaller, larger] = ["Smaller text", "Larger text"].map((name) => page.getByRole("button", { name }));
  await smaller.click();
  await expect(smaller).toBeDisabled();
  for (let step = 0; step < 4; step++) await larger.click();
  await expect(larger).toBeDisabled();
  await expect(page.locator("html")).toHaveAttribute("data-size", "3");
});

test("an article's link can be copied", async ({ page, context, baseURL }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await open(page, `${ARTICLE}?utm_source=news`);
  await page.getByRole("button", { name: "Copy link" }).click();
  await expect(page.getByText("Link copied.")).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(baseURL + ARTICLE);
});

async function assertSettings(page: Page, theme: string, size: string) {
  await expect(page.locator("html")).toHaveAttribute("data-theme", theme);
  await expect(page.locator("html")).toHaveAttribute("data-size", size);
}

async function fontSize(page: Page) {
  return page.locator(".prose p").first().evaluate((text) => parseFloat(getComputedStyle(text).fontSize));
}
