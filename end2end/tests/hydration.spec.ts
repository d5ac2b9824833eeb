// A page is hydrated in parts, with a pause before each in which the browser answers to the visitor.
import { type Page, expect, test } from "@playwright/test";
import { ARTICLE, complaints } from "../support/site";

/** Before the header and before the page. */
const PAUSES = 2;

declare global {
  interface Window {
    pauses: (() => void)[];
    isSameDocument?: boolean;
  }
}

/** Holds each pause, which is a timer without delay, until the test ends it. */
async function openAndHold(page: Page, address: string) {
  await page.addInitScript(() => {
    const { setTimeout } = window;
    window.pauses = [];
    window.setTimeout = ((task: () => void, delay?: number, ...rest: unknown[]) =>
      delay === 0 ? window.pauses.push(task) : setTimeout(task, delay, ...rest)) as typeof setTimeout;
  });
  await page.goto(address);
  await page.evaluate(() => Object.assign(window, { isSameDocument: true }));
}

async function endPause(page: Page) {
  await page.waitForFunction(() => window.pauses.length === 1);
  await page.evaluate(() => window.pauses.shift()?.());
}

async function follow(page: Page) {
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Home" }).click();
  await expect(page.getByRole("region", { name: "Newest" })).toBeVisible();
  await expect(page).toHaveURL("/");
}

const isSameDocument = (page: Page) => page.evaluate(() => "isSameDocument" in window);

for (let pause = 1; pause <= PAUSES; pause++) {
  test(`in pause ${pause} the browser follows a link, and the next page hydrates`, async ({ page }) => {
    const said = complaints(page);
    await openAndHold(page, ARTICLE);
    for (let ended = 1; ended < pause; ended++) await endPause(page);
    await page.waitForFunction(() => window.pauses.length === 1);
    await expect(page.locator("html[data-hydrated]")).not.toBeAttached();
    await follow(page);
    expect(await isSameDocument(page), "a full load").toBe(false);
    for (let ended = 0; ended < PAUSES; ended++) await endPause(page);
    await expect(page.locator("html[data-hydrated]")).toBeAttached();
    expect(said).toEqual([]);
  });
}

test("going back in a pause shows the page before", async ({ page }) => {
  const said = complaints(page);
  await openAndHold(page, "/");
  for (let ended = 0; ended < PAUSES; ended++) await endPause(page);
  const story = page.getByRole("region", { name: "Newest" }).getByRole("heading").nth(1).getByRole("link");
  await story.click();
  await expect(page).toHaveURL(/\/articles\//);
  await page.reload();
  await endPause(page);
  await page.waitForFunction(() => window.pauses.length === 1);
  // The entry before is of the same document, so the browser loads nothing by itself.
  await page.evaluate(() => history.back());
  await expect(page.getByRole("region", { name: "Newest" })).toBeVisible();
  for (let ended = 0; ended < PAUSES; ended++) await endPause(page);
  await expect(page.locator("html[data-hydrated]")).toBeAttached();
  expect(said).toEqual([]);
});

test("after the last pause the router follows a link", async ({ page }) => {
  const said = complaints(page);
  await openAndHold(page, ARTICLE);
  for (let ended = 0; ended < PAUSES; ended++) await endPause(page);
  await expect(page.locator("html[data-hydrated]")).toBeAttached();
  await follow(page);
  expect(await isSameDocument(page), "no load").toBe(true);
  expect(said).toEqual([]);
});

test("while a part of the program is awaited, effects run and the browser follows links", async ({ page }) => {
  await page.addInitScript(() => localStorage.setItem("theme", "light"));
  await page.route(/split_about/, () => {});
  await page.goto("/about");
  await page.evaluate(() => Object.assign(window, { isSameDocument: true }));
  await expect(page.locator(".theme-switch")).toHaveText("Theme: light");
  await expect(page.locator("html[data-hydrated]")).not.toBeAttached();
  await follow(page);
  expect(await isSameDocument(page), "a full load").toBe(false);
});
