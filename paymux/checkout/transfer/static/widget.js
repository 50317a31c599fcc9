// Pay within the shop's page: <script src="https://GATEWAY/widget.js"></script>, then
// ETpay.open({ token, onSuccess(jwt), onError(jwt), onClose() }). Verify the token on your server with the session's signature_token.
(() => {
  "use strict";
  const base = new URL(document.currentScript.src).origin;
  let opened = null;
  const close = () => {
    if (!opened) return;
    const { layer, options, before, listen, keys } = opened;
    opened = null;
    removeEventListener("message", listen);
    removeEventListener("keydown", keys);
    layer.remove();
    document.documentElement.style.overflow = before.overflow;
    before.focus?.focus?.();
    options.onClose?.();
  };
  const open = (options) => {
    if (!options || !/^[A-Za-z0-9]{1,128}$/.test(options.token || "")) throw new TypeError("ETpay.open: token is missing");
    close();
    const layer = document.createElement("div");
    layer.setAttribute("role", "dialog");
    layer.setAttribute("aria-modal", "true");
    layer.setAttribute("aria-label", "ETpay");
    Object.assign(layer.style, {
      position: "fixed", inset: "0", zIndex: "2147483647", background: "rgb(15 17 21 / .6)", display: "grid", placeItems: "center",
    });
    const box = document.createElement("div");
    Object.assign(box.style, {
      position: "relative", width: "min(100%, 480px)", height: "min(100%, 760px)", background: "Canvas", borderRadius: "16px", overflow: "hidden",
    });
    const frame = document.createElement("iframe");
    const language = options.language ? "&lang=" + encodeURIComponent(options.language) : "";
    frame.src = base + "/session/" + options.token + "?embedded=1" + language;
    frame.title = "ETpay";
    Object.assign(frame.style, { border: "0", width: "100%", height: "100%", display: "block" });
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "\u00d7";
    button.setAttribute("aria-label", "Cerrar");
    Object.assign(button.style, {
      position: "absolute", top: "4px", right: "4px", width: "44px", height: "44px", border: "0", background: "none", font: "24px/1 system-ui",
      color: "GrayText", cursor: "pointer",
    });
    button.addEventListener("click", close);
    let told = false;
    const listen = (event) => {
      if (event.source !== frame.contentWindow || event.origin !== base || event.data?.source !== "etpay") return;
      if (event.data.event === "close") return close();
      if (told) return;
      told = true;
      if (event.data.event === "success") options.onSuccess?.(event.data.jwt);
      if (event.data.event === "error") options.onError?.(event.data.jwt);
    };
    const keys = (event) => { if (event.key === "Escape") close(); };
    const before = { overflow: document.documentElement.style.overflow, focus: document.activeElement };
    addEventListener("message", listen);
    addEventListener("keydown", keys);
    document.documentElement.style.overflow = "hidden";
    box.append(frame, button);
    layer.append(box);
    document.body.append(layer);
    button.focus();
    opened = { layer, options, before, listen, keys };
    return { close };
  };
  window.ETpay = Object.freeze({ open, close });
})();
