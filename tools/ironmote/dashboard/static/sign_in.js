// Signing in: by name and passphrase, or once by the link that the demo prints.
import { post, Refused } from "./api.js";
import { el, text } from "./dom.js";

export const linked = () => new URLSearchParams(location.hash.slice(1)).get("sign-in");

export async function byLink(token) {
  history.replaceState(null, "", location.pathname); // neither the history nor a glance at the address has it
  return post("/api/sign-in", { token });
}

export function signInPage(done, why = "") {
  const error = el("p", { class: "error", role: "alert" }, why);
  const name = el("input", { name: "name", autocomplete: "username", autocapitalize: "none", spellcheck: "false", required: true });
  const passphrase = el("input", { name: "passphrase", type: "password", autocomplete: "current-password", required: true });
  const button = el("button", { class: "button main" }, "Sign in");
  const form = el("form", { class: "sign-in card", onsubmit: async (event) => {
    event.preventDefault();
    button.disabled = true;
    text(error, "");
    try {
      done(await post("/api/sign-in", { name: name.value.trim(), passphrase: passphrase.value }));
    } catch (failure) {
      if (!(failure instanceof Refused)) throw failure;
      text(error, failure.message);
      passphrase.value = "";
      passphrase.focus();
    } finally {
      button.disabled = false;
    }
  } },
  el("img", { src: "/static/icon.svg", alt: "" }),
  el("h1", {}, "ironmote"),
  el("label", { class: "field" }, "Name", name),
  el("label", { class: "field" }, "Passphrase", passphrase),
  error, button);
  return { node: form, title: "Sign in", change: () => {}, close: () => {}, focus: name };
}
