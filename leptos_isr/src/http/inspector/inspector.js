"use strict";
// Asks for the same page again every two seconds, and changes what has changed in it.
const main = document.querySelector("main[data-follows]");
const button = document.getElementById("follow");
const status = document.getElementById("status");
const rate = document.getElementById("rate");
let timer, isPaused = false, hasEnded = false, last;

function say(text) {
  // What is said once more is read aloud once more.
  if (status.textContent !== text) status.textContent = text;
}

function later(time) {
  clearTimeout(timer);
  if (!hasEnded && !isPaused && !document.hidden) timer = setTimeout(follow, time);
}

async function follow() {
  const began = performance.now();
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    const text = await answer.text();
    if (isPaused) return;
    if (answer.status === 401) {
      hasEnded = true;
      button.hidden = true;
      return say("Your session has ended. Reload to sign in.");
    }
    // Another list is being made, for example: this one stays.
    if (answer.ok) show(new DOMParser().parseFromString(text, "text/html").querySelector("main"));
    say(answer.ok ? "Live" : `The server answers ${answer.status}`);
  } catch {
    say("The server does not answer");
  }
  // A list that takes long is asked for less often.
  later(Math.max(2000, 10 * (performance.now() - began)));
}

function show(fresh) {
  const focused = document.activeElement;
  update(main, fresh);
  if (focused?.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
  const now = { at: performance.now(), requests: Number(main.dataset.requests) };
  if (last && main.dataset.requests) {
    const perSecond = (now.requests - last.requests) / ((now.at - last.at) / 1000);
    rate.textContent = `${Math.max(0, perSecond).toFixed(1)} requests/s`;
  }
  last = now;
}

// Makes `old` what `fresh` is. Elements stay where they can, and with them focus and what is typed.
function update(old, fresh) {
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  const keyed = new Map([...old.children].map((child) => [child.dataset.key, child]));
  let at = old.firstChild;
  for (const next of [...fresh.childNodes]) {
    const key = next.dataset?.key;
    const found = key ? keyed.get(key) : at;
    if (found?.nodeName !== next.nodeName || found.dataset?.key !== key) {
      old.insertBefore(document.adoptNode(next), at);
      continue;
    }
    if (found === at) at = at.nextSibling;
    else old.insertBefore(found, at);
    if (next.nodeType === Node.ELEMENT_NODE) update(found, next);
    else if (found.data !== next.data) found.data = next.data;
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

if (main) {
  button.hidden = false;
  say("Live");
  last = { at: performance.now(), requests: Number(main.dataset.requests) };
  button.addEventListener("click", () => {
    isPaused = !isPaused;
    button.textContent = isPaused ? "Follow" : "Pause";
    say(isPaused ? "Paused" : "Live");
    rate.textContent = "";
    if (!isPaused) last = undefined;
    later(0);
  });
  document.addEventListener("visibilitychange", () => later(0));
  later(2000);
}
