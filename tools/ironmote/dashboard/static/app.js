// The page: who is signed in, which part of it is shown, dark or light.
import { get, keep, post, Refused } from "./api.js";
import { el, icon, put, text } from "./dom.js";
import { alertsPage } from "./feed.js";
import { fleetPage } from "./fleet.js";
import { FleetState } from "./fleet_state.js";
import { motePage } from "./mote.js";
import { byLink, linked, signInPage } from "./sign_in.js";

const THEME = "ironmote-theme";
const ENDED = "ironmote-ended"; // that a session ended while its page was open
const main = document.getElementById("main");
const bar = document.getElementById("bar");
const notice = document.getElementById("notice");
const state = new FleetState();
let session = null;
let page = null;

function show(made, focus) {
  page?.close();
  page = made;
  put(main, made.node);
  document.title = [made.title, session?.title || "ironmote"].filter(Boolean).join(" · ");
  (made.focus ?? (focus ? main : null))?.focus({ preventScroll: true });
  if (focus) scrollTo(0, 0);
}

function route(focus = true) {
  if (!session) return;
  const [, where, id] = location.hash.split("/");
  if (where === "mote" && id) show(motePage(state, session, decodeURIComponent(id)), focus);
  else if (where === "alerts") show(alertsPage(state, session), focus);
  else show(fleetPage(state, session), focus);
  for (const link of bar.querySelectorAll("nav a")) {
    if (link.dataset.part === (where === "alerts" ? "alerts" : "fleet")) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function theme(chosen) {
  if (chosen) document.documentElement.dataset.theme = chosen;
  else delete document.documentElement.dataset.theme;
}

const dark = () => (document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

function frame() {
  const count = el("span", { class: "count", hidden: true });
  const pulse = el("span", { class: "pulse", role: "status" }, el("i"), el("span"));
  const themed = el("button", { class: "icon-button", type: "button", onclick: () => {
    const chosen = dark() ? "light" : "dark";
    localStorage.setItem(THEME, chosen);
    theme(chosen);
    look();
  } });
  const look = () => {
    put(themed, icon(dark() ? "sun" : "moon"));
    themed.setAttribute("aria-label", dark() ? "Light colours" : "Dark colours");
  };
  look();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", look);
  const leave = el("button", { class: "icon-button", type: "button", "aria-label": "Sign out", title: "Sign out", onclick: async () => {
    await post("/api/sign-out").catch(() => {});
    location.replace("/");
  } }, icon("leave"));
  put(bar,
    el("a", { class: "brand", href: "#/" }, el("img", { src: "/static/icon.svg", alt: "" }), "ironmote", session.title ? el("small", {}, session.title) : null),
    el("nav", { "aria-label": "Parts" }, el("a", { href: "#/", "data-part": "fleet" }, "Fleet"), el("a", { href: "#/alerts", "data-part": "alerts" }, "Alerts", count)),
    el("span", { class: "push" }), pulse,
    el("span", { class: "who" }, el("span", {}, el("b", {}, session.name), ` ${session.role}`)), themed, leave);
  bar.hidden = false;
  state.addEventListener("change", (event) => {
    text(count, String(state.open));
    count.hidden = state.open === 0;
    const away = !state.connected ? "reconnecting" : state.away ? "the gateway is away" : "";
    text(pulse.lastChild, away || "live");
    pulse.classList.toggle("away", away !== "");
    text(notice, `${state.away || "The dashboard's server is not reached"}. What is shown is what was known before.`);
    notice.hidden = away === "";
    page?.change(event.detail);
  });
}

async function begin(found) {
  session = found;
  keep(session, () => {
    sessionStorage.setItem(ENDED, "1");
    location.reload();
  });
  frame();
  try {
    await state.load();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
  }
  state.start();
  route(false);
}

async function start() {
  theme(localStorage.getItem(THEME));
  const token = linked();
  try {
    await begin(token ? await byLink(token) : await get("/api/session"));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (token) {
      try {
        await begin(await get("/api/session"));
        return;
      } catch (again) {
        if (!(again instanceof Refused)) throw again;
      }
    }
    const why = sessionStorage.getItem(ENDED) ? "your session has ended; please sign in again" : "";
    sessionStorage.removeItem(ENDED);
    show(signInPage(begin, token ? error.message : why));
  }
}

addEventListener("hashchange", () => (linked() ? location.reload() : route()));
start();
