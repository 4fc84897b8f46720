// @ts-check
// What to do with a server that has nobody on duty: the exact commands for this address.

import { el } from "./view.js";
import { t } from "./words.js";

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

function alarm(room) {
  const site = room.sites[0];
  const code = (room.codes.find((c) => c.priority === 1) ?? room.codes[0])?.code ?? "PANIC";
  const body = JSON.stringify({ code, site: site.site, zone: site.zones[0]?.code });
  return `curl -i ${location.origin}/v1/alarms \\
  -H 'Authorization: Bearer KEY' -H "Idempotency-Key: first-$(date +%s)" \\
  -H 'Content-Type: application/json' -d ${quoted(body)}`;
}

function command(text) {
  const pre = el("pre", { tabindex: "0" }, text);
  const button = el("button", { type: "button" }, t("copy"));
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = t("copied");
    } catch {
      // Browsers give no clipboard to pages that came over plain HTTP from another machine.
      getSelection()?.selectAllChildren(pre);
      button.textContent = t("copyFailed");
    }
    setTimeout(() => { button.textContent = t("copy"); }, 3000);
  });
  return el("div", { class: "command" }, pre, button);
}

export function steps(room, nobody) {
  return [
    nobody && el("p", {}, el("strong", {}, t("nobody"))),
    el("p", {}, t("simHere")), command(`bin/vigie sim --url ${location.origin} --accounts data/first-accounts.json`),
    el("p", {}, t("simOwn")), command("make sim"),
    ...room?.sites.length ? [
      el("p", {}, `${t("firstAlarm")} ${t("sourceName")} `, el("code", {}, `${room.room}-panel`)), command(alarm(room)),
    ] : [],
  ].filter(Boolean);
}
