// Lets ages and running times go on between two refreshes, in the server's time and words.

const ahead = Date.now() - Date.parse(document.body.dataset.now);

function age(seconds) {
  if (seconds < 1) return "now";
  for (const [unit, name] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
    if (seconds >= unit) return `${Math.floor(seconds / unit)} ${name}`;
  }
  return `${Math.floor(seconds)} s`;
}

function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const two = (number) => String(number).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}

export function tick() {
  const now = Date.now() - ahead;
  const show = (selector, words) => {
    for (const time of document.querySelectorAll(selector)) {
      const word = words((now - Date.parse(time.dateTime)) / 1000);
      const text = word === "now" ? word : word + (time.dataset.age ?? "");
      if (time.textContent !== text) time.textContent = text;
    }
  };
  show("time[data-age]", age);
  show("time[data-since]", span);
}
