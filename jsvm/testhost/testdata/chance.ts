export default async function main() {
  const first = Math.random();
  await null;
  return { now: Date.now(), numbers: [first, Math.random()], id: crypto.randomUUID() };
}
