import { setTimeout } from "node:timers/promises";
import { type APIRequestContext, type APIResponse, type Response, expect } from "@playwright/test";

/** How the server answered a request, from `Cache-Status` (RFC 9211). */
export type CacheStatus = {
  hit: boolean;
  stored: boolean;
  /** Why the request waited for a render, or went past the store. */
  fwd?: string;
  /** What is left of the page's period, in seconds; above 0 while it is fresh, 0 or below once it is stale. */
  ttl?: number;
  detail?: string;
};

type Answer = APIResponse | Response;

export function cacheStatus(answer: Answer): CacheStatus {
  const header = answer.headers()["cache-status"] ?? "";
  const [store, ...words] = header.split("; ");
  expect(store, `Cache-Status of ${answer.url()}: "${header}"`).toBe("isr");
  const value = (name: string) => words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
  const ttl = value("ttl");
  return {
    hit: words.includes("hit"),
    stored: words.includes("stored"),
    fwd: value("fwd"),
    ttl: ttl === undefined ? undefined : Number(ttl),
    detail: value("detail"),
  };
}

/** Checks the parts of `Cache-Status` that are given. */
export function assertCacheStatus(answer: Answer, expected: Partial<CacheStatus>): void {
  expect(cacheStatus(answer), answer.url()).toMatchObject(expected);
}

/** From the store, inside its period. */
export function assertFresh(answer: Answer): void {
  expect(isFresh(answer), `${answer.url()} is fresh: ${answer.headers()["cache-status"]}`).toBe(true);
}

/** From the store, past its period or purged. */
export function assertStale(answer: Answer, detail?: "purged"): void {
  assertCacheStatus(answer, { hit: true, detail });
  expect(cacheStatus(answer).ttl, `${answer.url()} is past its period`).toBeLessThanOrEqual(0);
}

/** Nothing was stored; the visitor waited for the render. */
export function assertMiss(answer: Answer): void {
  assertCacheStatus(answer, { hit: false, fwd: "miss" });
}

/** Rendered for this visitor alone. */
export function assertBypass(answer: Answer): void {
  assertCacheStatus(answer, { hit: false, stored: false, fwd: "bypass" });
  expect(answer.headers()["cache-control"]).toBe("private, no-store");
}

/** Looks at a stored page as a browser's prefetch does: nothing is waited for, a stale page is regenerated. */
export async function peek(request: APIRequestContext, path: string): Promise<APIResponse> {
  return request.get(path, { headers: { "Sec-Purpose": "prefetch" } });
}

/** Waits until every page that lives for `period` seconds is stale. Asking would regenerate a stale one. */
export async function untilStale(period: number): Promise<void> {
  await setTimeout(period * 1000);
}

/** Waits until the regeneration that the request for `old` started has replaced that page. */
export async function untilRegenerated(request: APIRequestContext, path: string, old: Answer): Promise<void> {
  const isReplaced = async () => {
    const stored = await peek(request, path);
    // A short period may be over again by now.
    return isFresh(stored) || stored.headers().etag !== old.headers().etag;
  };
  await expect.poll(isReplaced, { message: `${path} is regenerated`, intervals: [50] }).toBe(true);
}

/** Asks for the page until it is stored, and fresh for a second at least. */
export async function makeFresh(request: APIRequestContext, path: string): Promise<APIResponse> {
  const stored = async () => {
    const answer = await request.get(path);
    // `ttl` is rounded up: at 1 the period may be over before the next request.
    return isFresh(answer) && cacheStatus(answer).ttl !== 1;
  };
  await expect.poll(stored, { message: `${path} is fresh`, intervals: [50] }).toBe(true);
  return request.get(path);
}

/**
 * After a change of content: the next request gets the old page, and the one after the
 * regeneration that it started gets the new one.
 */
export async function assertOldOnceThenNew(
  request: APIRequestContext,
  path: string,
  isNew: (body: string) => boolean,
): Promise<void> {
  const old = await request.get(path);
  assertStale(old, "purged");
  expect(isNew(await old.text()), `the first answer for ${path} is the old page`).toBe(false);
  await untilRegenerated(request, path, old);
  const next = await request.get(path);
  assertFresh(next);
  expect(isNew(await next.text()), `the second answer for ${path} is the new page`).toBe(true);
}

export function isFresh(answer: Answer): boolean {
  const { hit, ttl, detail } = cacheStatus(answer);
  return hit && detail === undefined && (ttl === undefined || ttl > 0);
}
