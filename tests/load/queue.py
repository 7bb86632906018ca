"""A server with a queue, asked by arrivals and not by users: the requests in flight at each second."""

import heapq
from random import Random


def in_flight(load, workers, service_s, seed, seconds=60):
    """Samples at a share `load` of the server's capacity, one task in seven a flow of seven requests; and the rate."""
    random, free, flying, number = Random(seed), workers, 0, 1
    queue: list[int] = []
    samples: list[int] = []
    rate = load * workers / service_s
    events = [(random.expovariate(rate * 7 / 13), 0, 0)]
    while len(samples) < seconds:
        now, _, left = heapq.heappop(events)
        while len(samples) < min(seconds, int(now)):
            samples.append(flying)
        if left == 0:
            heapq.heappush(events, (now + random.expovariate(rate * 7 / 13), (number := number + 1), 0))
            queue.append(7 if random.random() < 1 / 7 else 1)
            flying += 1
        else:
            free += 1
            flying -= 1
            if left > 1:
                queue.append(left - 1)
                flying += 1
        while free and queue:
            free -= 1
            heapq.heappush(events, (now + service_s, (number := number + 1), queue.pop(0)))
    return samples, rate
