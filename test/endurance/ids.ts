/** Sums of ids go on for longer than a number is exact, so they count round this. */
const ROUND = 2 ** 52;

export function addIds(a: number, b: number): number {
  return (a + b) % ROUND;
}
