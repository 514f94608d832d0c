"""The network: a small 2D U-Net."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from discmri.measurement.segment.network import CHANNELS

WIDTHS = (12, 24, 40, 64, 96, 128)


def _block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class SpineNet(nn.Module):
    """Channels of ``network_input`` in, one logit per structure out.

    Sides must be multiples of 32 pixels.
    """

    def __init__(
        self, structures: int, channels: int = CHANNELS, widths: tuple[int, ...] = WIDTHS
    ) -> None:
        super().__init__()
        self.first = _block(channels, widths[0])
        self.down = nn.ModuleList(
            nn.Sequential(_block(a, b, stride=2), _block(b, b)) for a, b in pairwise(widths)
        )
        self.deep = _block(widths[-1], widths[-1])
        finest = max(widths[0], 16)
        self.up = nn.ModuleList()
        below = widths[-1]
        for k in reversed(range(len(widths) - 1)):
            width = widths[k] if k else finest
            layers = [_block(below + widths[k], width)]
            if k:
                layers.append(_block(width, width))
            self.up.append(nn.Sequential(*layers))
            below = width
        self.last = nn.Conv2d(finest, structures, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        """(batch, channels, rows, columns) to (batch, structures, rows, columns)."""
        kept = [self.first(image)]
        for stage in self.down:
            kept.append(stage(kept[-1]))
        x = self.deep(kept.pop())
        for stage in self.up:
            x = nn.functional.interpolate(x, scale_factor=2, mode="nearest")
            x = stage(torch.cat([x, kept.pop()], dim=1))
        return torch.as_tensor(self.last(x))
