"""A frozen network reads small pictures channels last: the same features, and faster than one plane after the other."""

import copy
import time

import torch
from fpmg_plugins.encoders.picture import timm_backbone


def plainly(backbone, images):
    with torch.no_grad():
        return torch.cat([backbone(part.float() / 255) for part in images.split(timm_backbone.AT_ONCE)])


def seconds(work):
    start = time.process_time()
    work()
    return time.process_time() - start


def test_reading_small_pictures(benchmark, measuring, bar):
    fast = timm_backbone.frozen("tf_efficientnet_lite0", "", 1, 32)
    plain = copy.deepcopy(fast).to(memory_format=torch.contiguous_format)
    size = (256 if measuring else 4, 1, 32, 32)
    images = torch.randint(0, 256, size, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(timm_backbone.read(fast, images), plainly(plain, images), atol=1e-4, rtol=1e-4)
    benchmark.pedantic(timm_backbone.read, (fast, images), rounds=1)
    if measuring:
        pairs = [(seconds(lambda: timm_backbone.read(fast, images)), seconds(lambda: plainly(plain, images))) for _ in range(4)]
        ratio = min(slow for _, slow in pairs) / min(quick for quick, _ in pairs)
        bar("plain over channels last", ratio, 1.1, more=True)  # 2.5 where it was written
