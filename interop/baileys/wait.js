// Waiting on events with a deadline. A check runs at once and again whenever its source says that something changed.
const DEADLINE_MS = 30_000

export function before(what, listen, unlisten, check) {
  return new Promise((resolve, reject) => {
    let running = false
    let again = false
    let settled = false
    const settle = (finish, value) => {
      if (settled) return
      settled = true
      clearTimeout(deadline)
      unlisten(run)
      finish(value)
    }
    const run = async () => {
      if (running) {
        again = true
        return
      }
      running = true
      try {
        do {
          again = false
          const found = await check()
          if (found) return settle(resolve, found)
        } while (again && !settled)
      } catch (error) {
        settle(reject, error)
      } finally {
        running = false
      }
    }
    const deadline = setTimeout(() => settle(reject, new Error(`waited ${DEADLINE_MS / 1000} s for ${what}`)), DEADLINE_MS)
    listen(run)
    run()
  })
}
