// Draft mode: what the editor sees before readers do.
import { type APIRequestContext, type Page, expect, test } from "@playwright/test";
import { assertBypass, assertCacheStatus, assertFresh, makeFresh } from "../support/cache-status";
import { complaints, open, signIn, untilHydrated } from "../support/site";

const PATH = "/articles/seen-early";

function bar(page: Page) {
  return page.getByRole("region", { name: "Draft mode" });
}

async function saveDraft(page: Page) {
  await open(page, "/editor");
  await signIn(page);
  await expect(page.getByRole("link", { name: "New article" })).toBeVisible();
  // A try that failed leaves its article behind.
  await page.goto("/editor/seen-early");
  if (await page.getByText("Delete this article").isVisible()) await remove(page);
  await open(page, "/editor");
  await page.getByRole("link", { name: "New article" }).click();
  await page.getByLabel("Title").fill("Seen early");
  await page.getByLabel("Section").fill("Leptos");
  await page.getByLabel("Author").fill("The Editor");
  await page.getByLabel("Body, in Markdown").fill("Not for **readers** yet.");
  await page.getByRole("button", { name: "Save draft" }).click();
  await expect(page).toHaveURL("/editor/seen-early?saved=draft");
}

async function remove(page: Page) {
  await page.goto("/editor/seen-early");
  await page.getByText("Delete this article").click();
  await page.getByLabel("Delete it for good").check();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await expect(page.getByText("The article is deleted.")).toBeVisible();
}

async function assertUnseenByReaders(request: APIRequestContext) {
  expect((await request.get(PATH)).status()).toBe(404);
  for (const list of ["/", "/sections/leptos", "/feed.xml"]) {
    const body = await (await makeFresh(request, list)).text();
    expect(body, list).not.toContain("Seen early");
    expect(body, list).not.toContain("Leave draft mode");
  }
}

test("a draft is previewed, and readers do not see it", async ({ page, request }) => {
  const said = complaints(page);
  await saveDraft(page);
  await expect(bar(page)).toHaveCount(0);
  await assertUnseenByReaders(request);

  const previewed = page.waitForResponse((response) => response.url().endsWith(PATH));
  await page.getByRole("button", { name: "Preview" }).click();
  const response = await previewed;
  assertBypass(response);
  assertCacheStatus(response, { detail: "draft" });
  await untilHydrated(page);
  await expect(page).toHaveURL(PATH);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Seen early");
  await expect(bar(page)).toContainText("Drafts are shown");

  // Navigation in the browser stays in draft mode.
  await page.getByRole("link", { name: "Home" }).click();
  await expect(page).toHaveURL("/");
  await expect(page.locator("#content").getByRole("link", { name: "Seen early" }).first()).toBeVisible();
  await expect(bar(page)).toBeVisible();
  // So does loading a page whose stored form readers get meanwhile.
  const loaded = await open(page, "/about");
  assertCacheStatus(loaded, { fwd: "bypass", detail: "draft" });
  await expect(bar(page)).toBeVisible();
  const about = await request.get("/about");
  assertCacheStatus(about, { hit: true });
  expect(await about.text()).not.toContain("Leave draft mode");
  await assertUnseenByReaders(request);

  // Left where the visitor is, whose page is the readers' now.
  await page.getByRole("button", { name: "Leave draft mode" }).click();
  await untilHydrated(page);
  await expect(page).toHaveURL("/about");
  await expect(bar(page)).toHaveCount(0);
  assertCacheStatus((await page.reload())!, { hit: true });
  expect((await page.goto(PATH))!.status()).toBe(404);
  expect(said).toEqual([]);
  await remove(page);
});

test("signing out ends draft mode", async ({ page }) => {
  await saveDraft(page);
  await page.getByRole("button", { name: "Preview" }).click();
  await expect(page).toHaveURL(PATH);
  await remove(page);
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Sign in");
  assertCacheStatus(await open(page, "/about"), { hit: true });
  await expect(bar(page)).toHaveCount(0);
});

test("a cookie that is not signed changes nothing", async ({ request }) => {
  await makeFresh(request, "/");
  const headers = { Cookie: "__isr_draft=99999999999.00; __Host-isr-draft=1" };
  assertFresh(await request.get("/", { headers }));
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("draft mode begins and ends", async ({ page }) => {
    await page.goto("/editor");
    await signIn(page);
    await page.goto("/editor/age-is-arithmetic");
    await page.getByRole("button", { name: "Preview" }).click();
    await expect(page).toHaveURL("/articles/age-is-arithmetic");
    await expect(bar(page)).toBeVisible();
    await page.getByRole("button", { name: "Leave draft mode" }).click();
    await expect(page).toHaveURL("/articles/age-is-arithmetic");
    await expect(bar(page)).toHaveCount(0);
  });
});
