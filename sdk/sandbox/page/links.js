// Addresses in texts and buttons: some the page follows itself, safe ones leave it, the rest are no links.

const SAFE = /^(https?|mailto|tel|tg):/i;

function telegram(address) {
  let url;
  try {
    url = new URL(address);
  } catch {
    return null;
  }
  const path = decodeURIComponent(url.pathname);
  if (url.protocol === "tg:") {
    const name = `${url.host}${path}`.replace(/^\/+|\/+$/g, "");
    if (name === "invoice") return { slug: url.searchParams.get("slug") };
    return name === "resolve"
      ? { name: url.searchParams.get("domain"), start: url.searchParams.get("start") }
      : null;
  }
  if (!/^(t|telegram)\.(me|dog)$/i.test(url.host)) return null;
  if (/^\/(\+|joinchat\/)/.test(path)) return { invite: address };
  const slug = /^\/(?:\$|invoice\/)([\w-]+)$/.exec(path)?.[1];
  return slug ? { slug } : { name: path.slice(1), start: url.searchParams.get("start") };
}

// {run} for what the page does, {href} for what the browser opens, {} for neither.
// doing: botName(), paySlug(slug), join(invite), start(payload).
export function linkTo(address, doing) {
  const full = /^[a-z][a-z0-9+.-]*:/i.test(address) ? address : `http://${address}`;
  const inside = telegram(full);
  if (inside?.slug) return { run: () => doing.paySlug(inside.slug) };
  if (inside?.invite) return { run: () => doing.join(inside.invite) };
  if (inside?.name && inside.start !== null && inside.name.toLowerCase() === doing.botName()?.toLowerCase())
    return { run: () => doing.start(inside.start) };
  return SAFE.test(full) ? { href: full } : {};
}
