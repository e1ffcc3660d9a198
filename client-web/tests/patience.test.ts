import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FIRST_MS } from '../src/core/backoff';
import { ApiError, failure } from '../src/core/http';
import { UNSAID_MS, patiently, waitAfter, type Wait } from '../src/core/patience';

const busy = (after?: number) => new ApiError('overloaded', after);

describe('the wait after a refusal', () => {
  it('is what the server said, and a random part that grows, so that a class does not come back together', () => {
    expect(waitAfter(busy(3_000), 0, 0)).toEqual({ why: 'overloaded', ms: 3_000 });
    expect(waitAfter(busy(3_000), 0, 1)?.ms).toBe(3_000 + FIRST_MS);
    expect(waitAfter(busy(3_000), 2, 0.5)?.ms).toBe(3_000 + 2 * FIRST_MS);
  });

  it('is some seconds when the server said nothing', () => {
    expect(waitAfter(busy(), 0, 0)?.ms).toBe(UNSAID_MS);
  });

  it('is exactly the pause after failed tries', () => {
    expect(waitAfter(new ApiError('rate_limited', 16_000), 3, 1)).toEqual({ why: 'rate_limited', ms: 16_000 });
  });

  it('is none where another try would end in the same way', () => {
    for (const code of ['bad_credentials', 'forbidden', 'internal', 'offline'] as const) {
      expect(waitAfter(new ApiError(code, 1_000), 0, 0)).toBeUndefined();
    }
    expect(waitAfter(new TypeError('a fault of ours'), 0, 0)).toBeUndefined();
  });
});

describe('asking patiently', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  // Answers one by one with these; a function makes what is thrown.
  function server(...answers: (string | (() => unknown))[]) {
    return vi.fn(async (_: AbortSignal) => {
      const answer = answers.shift();
      if (typeof answer === 'function') throw answer();
      return answer;
    });
  }

  it('comes again until it has its turn, and tells each wait', async () => {
    const ask = server(() => busy(2_000), () => busy(2_000), 'in');
    const waits: Wait[] = [];
    const answer = patiently(ask, (wait) => waits.push(wait), new AbortController().signal);
    await vi.advanceTimersByTimeAsync(1_999);
    expect(ask).toHaveBeenCalledTimes(1);
    await vi.runAllTimersAsync();
    expect(await answer).toBe('in');
    expect(ask).toHaveBeenCalledTimes(3);
    expect(waits.map(({ why }) => why)).toEqual(['overloaded', 'overloaded']);
    for (const { ms } of waits) expect(ms).toBeGreaterThanOrEqual(2_000);
  });

  it('ends with the first answer that waiting does not change', async () => {
    const ask = server(() => busy(1), () => new ApiError('bad_credentials'));
    const answer = patiently(ask, () => undefined, new AbortController().signal);
    const ended = expect(answer).rejects.toMatchObject({ code: 'bad_credentials' });
    await vi.runAllTimersAsync();
    await ended;
  });

  it('stops at once when it is cancelled in the middle of a wait, and does not ask again', async () => {
    const [ask, cancel] = [server(() => busy(60_000), 'in'), new AbortController()];
    const answer = patiently(ask, () => undefined, cancel.signal);
    const ended = expect(answer).rejects.toBe('enough');
    await vi.advanceTimersByTimeAsync(1_000);
    cancel.abort('enough');
    await ended;
    expect(vi.getTimerCount()).toBe(0);
    expect(ask).toHaveBeenCalledTimes(1);
  });

  it('hands the signal to the request, whose own end by it is the end', async () => {
    const cancel = new AbortController();
    const ask = (signal: AbortSignal) =>
      new Promise<string>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    const ended = expect(patiently(ask, () => undefined, cancel.signal)).rejects.toBe('enough');
    cancel.abort('enough');
    await ended;
  });

  it('asks nothing when it was cancelled before', async () => {
    const ask = server('in');
    await expect(patiently(ask, () => undefined, AbortSignal.abort('enough'))).rejects.toBe('enough');
    expect(ask).not.toHaveBeenCalled();
  });
});

describe('the error in an answer', () => {
  it('has the code and the wait of the body', () => {
    expect(failure('{"c":"overloaded","tmp":true,"after":1500}', '2')).toMatchObject({ code: 'overloaded', after: 1_500 });
    expect(failure('{"c":"bad_credentials"}')).toMatchObject({ code: 'bad_credentials', after: undefined });
  });

  it('is a passing overload where a proxy answers, with the seconds that it names', () => {
    expect(failure('<html>503</html>', '7')).toMatchObject({ code: 'overloaded', after: 7_000 });
    expect(failure('', 'Wed, 25 Nov 2026 09:00:00 GMT')).toMatchObject({ code: 'overloaded', after: undefined });
    expect(failure('null')).toMatchObject({ code: 'overloaded', after: undefined });
  });
});
