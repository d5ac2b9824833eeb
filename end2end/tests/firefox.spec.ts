// The site in a second browser. Playwright drives its own build of Firefox only, so this one is
// driven by WebDriver BiDi.
import { expect, test } from "@playwright/test";
import puppeteer, { type Browser, type Page } from "puppeteer-core";
import { ISR_TOKEN } from "../support/secrets";
import { ARTICLE } from "../support/site";

const executablePath = process.env.FIREFOX_PATH;
test.skip(!executablePath, "there is no Firefox: set FIREFOX_PATH, or install firefox-esr");

let browser: Browser;
let page: Page;

test.beforeAll(async () => {
  browser = await puppeteer.launch({ browser: "firefox", executablePath });
});
test.afterAll(() => browser?.close());
test.beforeEach(async () => {
  page = await browser.newPage();
});
test.afterEach(() => page.close());

async function open(address: string) {
  await page.goto(address);
  await untilHydrated();
}

async function untilHydrated() {
  await page.waitForSelector("html[data-hydrated]");
}

const theme = () => page.$eval("html", (html) => html.getAttribute("data-theme"));

test("islands work, a click loads the next page, and going back returns", async ({ baseURL }) => {
  const said: string[] = [];
  page.on("pageerror", (error) => said.push(String(error)));
  page.on("console", (message) => {
    if (["error", "warn"].includes(message.type())) said.push(message.text());
  });
  await open(baseURL + ARTICLE);
  await page.click(".theme-switch");
  expect(await theme()).toBe("light");
  await page.click(".related a");
  await page.waitForFunction((path) => location.pathname !== path, {}, ARTICLE);
  await untilHydrated();
  expect(await theme(), "kept in the browser").toBe("light");
  await page.evaluate(() => history.back());
  await page.waitForFunction((path) => location.pathname === path, {}, ARTICLE);
  await untilHydrated();
  await page.click(".theme-switch");
  expect(await theme()).toBe("dark");
  expect(said).toEqual([]);
});

test("a live page follows", async ({ baseURL, request }) => {
  const streams: string[] = [];
  page.on("request", (asked) => streams.push(...(asked.url().includes("/_isr/live?") ? [asked.url()] : [])));
  await open(`${baseURL}/live`);
  await expect.poll(() => streams.length).toBeGreaterThan(0);
  const shown = () => page.$eval("#rendered-at", (moment) => moment.getAttribute("datetime")!);
  const first = await shown();
  await expect(async () => {
    const headers = { Authorization: `Bearer ${ISR_TOKEN}` };
    await request.post("/_isr/regenerate", { data: { paths: ["/live"] }, headers });
    await expect.poll(shown, { timeout: 1_500 }).not.toBe(first);
  }).toPass();
});
