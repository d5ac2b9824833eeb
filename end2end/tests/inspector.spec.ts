// The inspector: what an operator sees of the site, and does to it.
import { readFileSync } from "node:fs";
import { type Page, expect, test } from "@playwright/test";
import { assertFresh, assertStale, makeFresh, peek } from "../support/cache-status";
import { ISR_TOKEN } from "../support/secrets";
import { ARTICLE, SECTION, complaints } from "../support/site";

const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const STORY = `/_isr/?path=${ARTICLE}`;

async function signIn(page: Page, path = "/_isr/", token = ISR_TOKEN): Promise<void> {
  await page.goto(path);
  await page.getByLabel("The engine’s token").fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** The paths in the list of pages, from the first. */
async function listed(page: Page): Promise<string[]> {
  return page.locator("tr[data-key^='page '] a").allTextContents();
}

/** What is wider than the window scrolls by itself, if at all. */
async function assertNoSidewaysScrolling(page: Page): Promise<void> {
  const root = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return { scrollWidth, clientWidth };
  });
  expect(root.scrollWidth, page.url()).toBeLessThanOrEqual(root.clientWidth);
}

async function assertAccessible(page: Page): Promise<void> {
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    const { violations } = await (window as any).axe.run();
    return violations.map(({ id, nodes }: any) => `${id}: ${nodes.map(({ html }: any) => html).join(", ")}`);
  });
  expect(found, page.url()).toEqual([]);
}

test.beforeEach(async ({ request }) => {
  for (const path of ["/", ARTICLE, SECTION, "/about"]) await makeFresh(request, path);
});

test("the token opens it, and nothing else does", async ({ page, request }) => {
  const said = complaints(page);
  expect((await request.get("/_isr/")).status()).toBe(401);
  await signIn(page, STORY, "a guess");
  await expect(page.getByRole("alert")).toHaveText("That is not the token.");
  await signIn(page, STORY);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(ARTICLE);
  expect(page.url()).not.toContain(ISR_TOKEN);
  const [cookie] = (await page.context().cookies()).filter(({ name }) => name.includes("inspector"));
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict", path: "/" });
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Sign in");
  // The browser notes that the two answers to a visitor who has not signed in were 401.
  expect(said.filter((text) => !text.includes("401"))).toEqual([]);
});

test("pages are sorted, searched and filtered", async ({ page, request }) => {
  for (let n = 0; n < 30; n++) await request.get("/about");
  await signIn(page);
  await page.getByRole("link", { name: "demand" }).click();
  expect((await listed(page))[0]).toBe("/about");
  await page.getByRole("link", { name: "size" }).click();
  await expect(page.getByRole("link", { name: "size" })).toHaveAttribute("aria-current", "true");
  await expect(page.locator("th[aria-sort=descending]")).toHaveText("Size");

  await page.getByLabel("Path contains").fill("age-is");
  await page.getByRole("button", { name: "Search" }).click();
  const found = await listed(page);
  expect(found).toContain(ARTICLE);
  expect(found.every((path) => path.includes("age-is"))).toBe(true);
  await expect(page.getByLabel("Path contains")).toHaveValue("age-is");

  await page.getByLabel("Path contains").fill("");
  await page.getByLabel("Route").selectOption("/about");
  await page.getByRole("button", { name: "Search" }).click();
  expect(await listed(page)).toEqual(["/about"]);
});

test("the story of a page leads to what else was made of the same", async ({ page }) => {
  await signIn(page);
  await page.getByLabel("Path contains").fill(ARTICLE);
  await page.getByRole("button", { name: "Search" }).click();
  await page.getByRole("link", { name: ARTICLE, exact: true }).click();
  await expect(page.locator(".why")).toContainText(/fresh for another .* its period of/);
  await expect(page.getByRole("row", { name: "article:age-is-arithmetic" })).toBeVisible();
  await page.getByRole("button", { name: "Regenerate" }).click();
  await expect(page.getByRole("cell", { name: "requested" }).first()).toBeVisible();
  await page.locator("tr[data-key^='read '] a").first().click();
  await expect(page.getByText("Only pages that were made of the read")).toBeVisible();
  expect(await listed(page)).toContain(ARTICLE);
});

test("a purge says what it reaches before it is done", async ({ page, request }) => {
  await signIn(page, STORY);
  await page.getByLabel("Purge").selectOption("the tag section:http-caching");
  await page.getByRole("button", { name: "Purge softly…" }).click();
  await expect(page.locator(".why")).toContainText(/reaches \d+ pages/);
  await expect(page.getByRole("listitem").filter({ hasText: ARTICLE })).toBeVisible();
  assertFresh(await peek(request, ARTICLE));
  await page.getByRole("link", { name: "Cancel" }).click();
  assertFresh(await peek(request, ARTICLE));

  await page.getByLabel("Purge").selectOption("this path");
  await page.getByRole("button", { name: "Purge softly…" }).click();
  await expect(page.locator(".why")).toContainText("reaches 1 page");
  await page.getByRole("button", { name: "Purge 1 page" }).click();
  await expect(page.locator(".why")).toContainText("by the inspector, through its path");
  assertStale(await request.get(ARTICLE), "purged");
  assertFresh(await peek(request, "/about"));
});

test("it follows along, keeps focus and what is typed, and can be told to stop", async ({ page, request }) => {
  await signIn(page);
  const field = page.getByLabel("Path contains");
  await field.fill("half typ");
  const before = Number(await page.locator("main").getAttribute("data-requests"));
  await request.get("/about");
  const asked = async () => Number(await page.locator("main").getAttribute("data-requests"));
  await expect.poll(asked).toBeGreaterThan(before);
  await expect(field).toBeFocused();
  await expect(field).toHaveValue("half typ");

  await page.getByRole("button", { name: "Pause" }).click();
  await expect(page.getByRole("status")).toHaveText("Paused");
  await page.getByRole("button", { name: "Follow" }).click();
  await page.context().clearCookies();
  await expect(page.getByRole("status")).toContainText("Reload to sign in");
});

test("a hidden page asks for nothing", async ({ page }) => {
  await signIn(page);
  await page.clock.install();
  await page.reload();
  const asked: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  await page.evaluate(() => {
    Object.defineProperty(document, "hidden", { get: () => true, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  });
  await page.clock.runFor(60_000);
  expect(asked).toEqual([]);
  const next = page.waitForRequest(/\/_isr\//);
  await page.evaluate(() => {
    Object.defineProperty(document, "hidden", { get: () => false, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  });
  await page.clock.runFor(10);
  await next;
});

test("the keyboard is enough", async ({ page }) => {
  await page.goto(STORY);
  await expect(page.getByLabel("The engine’s token")).toBeFocused();
  await page.keyboard.type(ISR_TOKEN);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(ARTICLE);
  const tabTo = async (name: string) => {
    const focused = page.locator(":focus");
    for (let n = 0; n < 40; n++) {
      await page.keyboard.press("Tab");
      if ((await focused.textContent())?.trim() === name) return;
    }
    throw new Error(`${name} is not reached`);
  };
  await tabTo("Purge softly…");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Purge");
  await tabTo("Purge 1 page");
  await page.keyboard.press("Enter");
  await expect(page.locator(".why")).toContainText("by the inspector");
});

test("without script it is the same page, standing still", async ({ browser, baseURL }) => {
  const context = await browser.newContext({ baseURL, javaScriptEnabled: false });
  const page = await context.newPage();
  await signIn(page, STORY);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(ARTICLE);
  await expect(page.getByRole("button", { name: "Pause" })).toBeHidden();
  await page.getByRole("button", { name: "Regenerate" }).click();
  await expect(page.getByRole("cell", { name: "requested" }).first()).toBeVisible();
  await context.close();
});

for (const colorScheme of ["light", "dark"] as const) {
  for (const width of [1280, 360]) {
    test(`it is readable in ${colorScheme} at ${width} px`, async ({ page }, testInfo) => {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 800 });
      const look = async (name: string) => {
        await assertNoSidewaysScrolling(page);
        await assertAccessible(page);
        await page.screenshot({ path: testInfo.outputPath(`${name}.png`), fullPage: true });
      };
      await page.goto("/_isr/");
      await look("sign-in");
      await signIn(page);
      await look("overview");
      await page.goto(STORY);
      await look("story");
      await page.getByRole("button", { name: "Purge hard…" }).click();
      await look("purge");
    });
  }
}
