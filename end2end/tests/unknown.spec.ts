// Addresses that are no page's: that of an article before, or of nothing.
import { type Page, expect, test } from "@playwright/test";
import { test as withServer } from "../support/server";
import { complaints, open } from "../support/site";

const level1 = (page: Page) => page.getByRole("heading", { level: 1 });

/** Follows a link of the page as if it led to `path`. */
async function followTo(page: Page, path: string) {
  const link = page.getByRole("contentinfo").getByRole("link", { name: "About" });
  await link.evaluate((link, path) => link.setAttribute("href", path), path);
  await link.click();
}

withServer("an address of before leads to its article, by a load and by a link", async ({ page, settings, start }) => {
  const server = await start(settings);
  const said = complaints(page);
  await open(page, `${server.url}/old/rain`);
  await expect(page).toHaveURL(`${server.url}/articles/rain`);
  await expect(level1(page)).toHaveText("About rain");

  await followTo(page, "/old/snow");
  await expect(page).toHaveURL(`${server.url}/articles/snow`);
  await expect(level1(page)).toHaveText("About snow");
  expect(said).toEqual([]);
});

test("an address of nothing says so, by a load and by a link", async ({ page }) => {
  const said = complaints(page);
  const response = await open(page, "/of/nothing");
  expect(response.status()).toBe(404);
  await expect(level1(page)).toHaveText("Page not found");
  await page.getByRole("main").getByRole("link", { name: "front page" }).click();
  await expect(page.getByRole("region", { name: "Newest" })).toBeVisible();
  await followTo(page, "/of/nothing/else");
  await expect(level1(page)).toHaveText("Page not found");
  expect(said).toEqual([]);
});
