// What the page asks its server for. A change carries the session's token; an answer that is none says why.
let csrf = "";
let ended = () => {};

export class Refused extends Error {}

export function keep(session, whenEnded) {
  csrf = session.csrf;
  ended = whenEnded;
}

async function answer(response) {
  let found = {};
  try {
    found = await response.json();
  } catch {
    throw new Refused("the dashboard's server gave no answer");
  }
  if (response.ok) return found;
  if (response.status === 401 && csrf) {
    csrf = "";
    ended();
  }
  throw new Refused(found.error || "that did not work");
}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", cache: "no-store", ...options });
  } catch {
    throw new Refused("the dashboard's server is not reached");
  }
  return answer(response);
}

export const get = (path) => ask(path);
export const post = (path, body) => ask(path, {
  method: "POST", body: JSON.stringify(body ?? {}), headers: { "Content-Type": "application/json", "X-CSRF": csrf },
});
export const mote = (id, what) => `/api/motes/${encodeURIComponent(id)}/${what}`;
