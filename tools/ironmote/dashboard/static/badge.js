// What protects a mote, in one word; why is said beside it.
import { el, icon } from "./dom.js";

export function badge(mote) {
  if (mote.revoked) return el("span", { class: "badge bad", title: "revoked" }, icon("key"), "revoked");
  if (!mote.channel) return el("span", { class: "badge none", title: "not heard yet" }, "no channel yet");
  const sealed = mote.channel === "sealed";
  return el("span", { class: `badge${sealed ? " sealed" : ""}`, title: mote.why || mote.channel }, icon(sealed ? "lock" : "shield"), mote.channel);
}

export const standing = (mote) => (mote.revoked ? "revoked" : mote.online ? "on" : "off");
export const standingWords = (mote) => (mote.revoked ? "revoked" : mote.online ? "online" : "offline");
