// What the checkout gains with a script: live status, countdown, the reader's own times, copy buttons, a return that can be stopped.
// Every page works without it.
(() => {
  "use strict";
  const body = document.body;
  const { screen, version, live, poll, self, offline } = body.dataset;
  const language = document.documentElement.lang;
  const own = navigator.languages?.find((tag) => tag.split("-")[0] === language) || language;
  const locale = language === "ar" ? "ar-u-nu-latn" : own;
  document.documentElement.classList.add("ready");

  // The page is replaced, not patched: one truth, the server's. A note for the next page moves the focus to what changed.
  let leaving = false;
  const reload = () => {
    if (leaving || document.querySelector("form[data-sent]")) return;  // a choice under way leads on by itself; do not break it off
    leaving = true;
    try { sessionStorage.setItem("changed", "1"); } catch { /* a closed storage only costs the focus */ }
    location.replace(self || location.href);
  };
  try {
    if (sessionStorage.getItem("changed")) {
      sessionStorage.removeItem("changed");
      if (!document.querySelector("[autofocus]")) document.querySelector("h1")?.focus({ preventScroll: true });
    }
  } catch { /* as above */ }
  addEventListener("pageshow", (event) => { if (event.persisted) reload(); });

  // Times in the reader's zone, with the zone named.
  const clock = new Intl.DateTimeFormat(locale, {
    day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short",
  });
  // The zone, and a distance within it ("غرينتش+2"), keep their own direction; else their signs and digits change places.
  const rightToLeft = document.documentElement.dir === "rtl";
  const isolated = (text, dir) => Object.assign(document.createElement("bdi"), { textContent: text, dir });
  for (const time of document.querySelectorAll("time[data-at]")) {
    const at = new Date(Number(time.dataset.at));
    time.dateTime = at.toISOString();
    const parts = clock.formatToParts(at).flatMap(({ type, value }) => {
      if (type !== "timeZoneName") return value;
      const [, name, distance] = value.match(/^(.*?)([+\-\u2212]\d.*)?$/);
      return [isolated(name, "auto"), ...(distance ? [rightToLeft ? "\u00a0" : "", isolated(distance, "ltr")] : [])];
    });
    time.firstElementChild.replaceChildren(...parts);
  }

  // Time left, by the server's clock at rendering and this page's own from then on.
  const left = document.querySelector("[data-left]");
  const value = left?.querySelector(".count bdi");
  if (value) {
    const end = performance.now() + Number(left.dataset.left);
    const two = (number) => String(number).padStart(2, "0");
    const tick = () => {
      const seconds = Math.max(0, Math.ceil((end - performance.now()) / 1000));
      const hours = Math.floor(seconds / 3600);
      const minutes = Math.floor(seconds / 60) % 60;
      value.textContent = (hours ? hours + ":" + two(minutes) : minutes) + ":" + two(seconds % 60);
      left.classList.toggle("soon", seconds < 120);
      if (seconds > 0) setTimeout(tick, 1000 - ((performance.now() - end) % 1000 + 1000) % 1000 || 1000);
      else setTimeout(reload, 1500);
    };
    tick();
  }

  // Live status: events while they flow, questions when they do not, and one question when the reader comes back.
  const line = document.querySelector("[data-say]");
  const calm = line?.textContent;
  const say = (text) => { if (line && line.textContent !== text) line.textContent = text; };
  const choices = ["choose", "declined", "cancelled"];  // one can choose on each of them; do not take a half-typed address away
  const choosing = choices.includes(screen);
  const learn = (text) => {
    let told;
    try { told = JSON.parse(text); } catch { return; }
    if (!told || typeof told.screen !== "string") return;
    say(calm);
    if (told.screen !== screen && !(choosing && choices.includes(told.screen))) reload();
    else if (!choosing && told.version !== undefined && String(told.version) !== version) reload();
  };
  let asking = false;
  const ask = async () => {
    if (!poll || asking || leaving) return;
    asking = true;
    try {
      const answer = await fetch(poll, { cache: "no-store", credentials: "same-origin", headers: { Accept: "application/json" } });
      if (answer.ok) learn(await answer.text());
    } catch { say(offline); }
    asking = false;
  };
  let wait = 2000;
  const keepAsking = () => setTimeout(async () => {
    if (!document.hidden) await ask();
    wait = Math.min(wait * 1.3, 10000);
    if (!leaving) keepAsking();
  }, wait);
  if (live && "EventSource" in window) {
    const events = new EventSource(live);
    events.onmessage = (event) => learn(event.data);
    events.onopen = () => say(calm);
    let polling = false;
    events.onerror = () => {
      if (polling) return;
      polling = true;
      if (events.readyState !== EventSource.CLOSED) say(offline);
      keepAsking();
    };
  } else if (poll) keepAsking();
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { wait = 2000; ask(); } });

  // Back to the shop after a payment, unless the reader wants to stay.
  const returning = document.querySelector("[data-return]");
  if (returning) {
    let seconds = Number(returning.dataset.returnS);
    const shown = returning.querySelector("[data-seconds]");
    const timer = setInterval(() => {
      seconds -= 1;
      shown.textContent = Math.max(0, seconds);
      if (seconds <= 0) { clearInterval(timer); location.assign(returning.dataset.return); }
    }, 1000);
    const stay = returning.querySelector("[data-stay]");
    stay.addEventListener("click", () => {
      clearInterval(timer);
      document.querySelector("h1")?.focus({ preventScroll: true });
      returning.classList.add("stopped");
    });
  }

  // Copy buttons; the answer stands on the button itself and is read out.
  const voice = document.createElement("p");
  voice.className = "sr";
  voice.setAttribute("role", "status");
  document.querySelector("main").append(voice);
  const copyByHand = (text) => {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "sr";
    document.querySelector("main").append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  };
  for (const button of document.querySelectorAll("[data-copy]")) {
    let timer = 0;
    button.addEventListener("click", async () => {
      let done = true;
      try { await navigator.clipboard.writeText(button.dataset.copy); } catch { done = copyByHand(button.dataset.copy); button.focus(); }
      button.classList.toggle("done", done);
      voice.textContent = done ? button.dataset.done : button.dataset.failed;
      clearTimeout(timer);
      timer = setTimeout(() => { button.classList.remove("done"); voice.textContent = ""; }, 2000);
    });
  }

  // A form is sent once; the chosen row shows that it was understood.
  for (const form of document.querySelectorAll("form")) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) { event.preventDefault(); return; }
      form.dataset.sent = "1";
      event.submitter?.classList.add("sent");
      form.setAttribute("aria-busy", "true");
      setTimeout(() => { delete form.dataset.sent; event.submitter?.classList.remove("sent"); form.removeAttribute("aria-busy"); }, 15000);
    });
  }
})();
