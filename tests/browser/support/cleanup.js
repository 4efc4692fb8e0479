// Undoes what a test has set up, the last first: browsers before the servers they look at.

const stacks = new WeakMap();

export function cleanup(t, act) {
  if (!stacks.has(t)) {
    const stack = [];
    stacks.set(t, stack);
    t.after(async () => {
      const failures = [];
      while (stack.length) await stack.pop()().catch((error) => failures.push(error));
      if (failures.length) throw failures[0];
    });
  }
  stacks.get(t).push(async () => act());
}
