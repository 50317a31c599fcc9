// Within a shop's page: hand the outcome to the page that embeds us. The policy of this page lets only the merchant's own pages embed it.
(() => {
  "use strict";
  const tell = (event, jwt) => { if (parent !== window) parent.postMessage({ source: "etpay", event, jwt }, "*"); };
  const result = document.body.dataset.result;
  if (result) {
    fetch(result, { cache: "no-store" }).then((answer) => answer.ok ? answer.json() : null).then((told) => {
      if (told) tell(told.event, told.jwt);
    }).catch(() => {});
  }
  for (const button of document.querySelectorAll("[data-close]")) button.addEventListener("click", () => tell("close", null));
})();
