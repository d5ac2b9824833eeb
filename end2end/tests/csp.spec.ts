// What the Content-Security-Policy stops, and that it stops nothing of the site's own.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Page, expect, test } from "@playwright/test";
import { ARTICLE, PUBLIC_PAGES, SECTION, complaints, open, signIn, untilHydrated } from "../support/site";

const PAGES = [...PUBLIC_PAGES.map(({ path }) => path), "/editor"];

const INJECTED = `<script>document.documentElement.dataset.ran = "script"</script>
<img src="data:," alt="" onerror="document.documentElement.dataset.ran = 'handler'">
<style>html { outline: 7px solid red }</style>
<p id="styled" style="outline: 7px solid red">x</p>`;

/** What the browser stopped, by the directive that stopped it. */
async function stopped(page: Page): Promise<string[]> {
  return page.evaluate(() => (window as any).stopped);
}

test.beforeEach(async ({ page }) => {
  await page.addInitScript(() => {
    const directives: string[] = ((window as any).stopped = []);
    document.addEventListener("securitypolicyviolation", (event) => directives.push(event.effectiveDirective));
  });
});

for (const path of PAGES) {
  test(`${path} hydrates under its policy, which is strict`, async ({ page }) => {
    const said = complaints(page);
    const response = await open(page, path);
    const policy = response.headers()["content-security-policy"];
    expect(policy).toContain("default-src 'none'");
    expect(policy).toMatch(/script-src 'self' 'wasm-unsafe-eval' '(sha256|nonce)-/);
    expect(policy).not.toContain("unsafe-inline");
    expect(await stopped(page)).toEqual([]);
    expect(said).toEqual([]);
  });
}

for (const path of [ARTICLE, "/search?q=cache"]) {
  test(`what is injected into ${path} does not run`, async ({ page }) => {
    await page.route(path, async (route) => {
      const response = await route.fetch();
      const body = (await response.text()).replace("</body>", `${INJECTED}</body>`);
      await route.fulfill({ response, body });
    });
    await open(page, path);
    const directives = ["script-src-elem", "script-src-attr", "style-src-elem", "style-src-attr"];
    await expect.poll(() => stopped(page)).toEqual(expect.arrayContaining(directives));
    await expect(page.locator("html")).not.toHaveAttribute("data-ran");
    for (const part of ["html", "#styled"]) await expect(page.locator(part)).not.toHaveCSS("outline-width", "7px");
  });

  test(`what a script adds to ${path} does not run`, async ({ page }) => {
    await open(page, path);
    await page.evaluate(() => {
      const script = document.createElement("script");
      script.textContent = 'document.documentElement.dataset.ran = "script"';
      document.body.append(script);
    });
    expect(await stopped(page)).toEqual(["script-src-elem"]);
    await expect(page.locator("html")).not.toHaveAttribute("data-ran");
  });
}

test("moving between pages and using them breaks no policy", async ({ page }) => {
  const said = complaints(page);
  await open(page, "/");
  await page.getByRole("link", { name: "Live" }).click();
  await page.getByRole("button", { name: "Ask the server again" }).click();
  await page.getByRole("button", { name: /^Theme/ }).click();
  await page.getByRole("button", { name: "Larger text" }).click();
  await page.getByRole("link", { name: "Search" }).click();
  await page.getByLabel("Words in titles and summaries").fill("cache");
  await page.getByRole("button", { name: "Search" }).click();
  await page.getByRole("main").getByRole("article").getByRole("heading").first().getByRole("link").click();
  await expect(page.locator(".prose")).toBeVisible();
  expect(await stopped(page)).toEqual([]);

  await page.goto("/editor");
  await untilHydrated(page);
  await signIn(page);
  await expect(page.getByRole("button", { name: "Sign out" })).toBeVisible();
  expect(await stopped(page)).toEqual([]);
  expect(said).toEqual([]);
});

test("no other site frames a page", async ({ page, baseURL }) => {
  // A server of its own: what Playwright answers itself may not reach an address of this machine.
  const other = createServer((_, response) => {
    response.setHeader("Content-Type", "text/html");
    response.end(`<iframe src="${baseURL}${SECTION}"></iframe>`);
  });
  await new Promise<void>((listening) => other.listen(0, "127.0.0.1", listening));
  const refused = page.waitForEvent("console", (message) => message.text().includes("frame-ancestors"));
  await page.goto(`http://127.0.0.1:${(other.address() as AddressInfo).port}/`);
  await refused;
  await expect(page.frameLocator("iframe").getByRole("heading", { name: "HTTP caching" })).toHaveCount(0);
  other.close();
});

test("feeds and files may load nothing", async ({ request }) => {
  for (const path of ["/feed.xml", "/sitemap.xml", "/favicon.svg", "/robots.txt"]) {
    const headers = (await request.get(path)).headers();
    expect(headers["content-security-policy"], path).toBe("default-src 'none'; frame-ancestors 'none'");
    expect(headers["x-content-type-options"], path).toBe("nosniff");
  }
});
