"""Make the weights of the built-in segmenter from nothing.

    python -m training.train OUT [--steps N] [--slabs N]

draws slabs, trains on random pictures of them and writes ``OUT/spine.onnx``.  Run it again to
go on where it stopped: every slab, picture and step follows from its number.
"""

from __future__ import annotations

import argparse
import csv
import logging
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from discmri.measurement.segment.network import CHANNELS, PIXEL_MM, Channel, network_input
from training.contrast import Crop, picture
from training.network import SpineNet
from training.slabs import HELD_OUT, slab

log = logging.getLogger("train")

CROP = Crop((288, 224), PIXEL_MM)


@dataclass(frozen=True)
class Plan:
    """How long and on what."""

    out: Path
    slab_folder: Path
    steps: int
    slabs: int
    batch: int = 8
    rate: float = 2.5e-3
    save_every: int = 200
    workers: int = 1
    threads: int = 1
    start: Path | None = None
    half: bool = True  # bfloat16 where the processor is fast at it


class Pictures(Dataset[tuple[Tensor, Tensor]]):
    """Picture ``n`` shows slab ``n`` modulo the number of slabs, in a contrast of its own."""

    def __init__(self, folder: Path, slabs: int, first: int, last: int, offset: int = 0) -> None:
        self.folder, self.slabs, self.first, self.last, self.offset = (
            folder,
            slabs,
            first,
            last,
            offset,
        )

    def __len__(self) -> int:
        return self.last - self.first

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        number = self.first + index
        order = np.random.default_rng([7, number // self.slabs]).permutation(self.slabs)
        tissues = slab(self.folder, self.offset + int(order[number % self.slabs]))
        image, shares = picture(tissues, CROP, np.random.default_rng([self.offset, number]))
        return torch.from_numpy(network_input(image)), torch.from_numpy(shares)


def loss_of(logits: Tensor, shares: Tensor) -> Tensor:
    """Cross entropy against shares, which makes the output a share, plus soft Dice."""
    entropy = -(shares * torch.log_softmax(logits, dim=1)).sum(dim=1).mean()
    return entropy + 0.5 * (1 - dice(torch.softmax(logits, dim=1), shares)[1:].mean())


def dice(found: Tensor, shares: Tensor) -> Tensor:
    """(structures,) soft Dice over a batch."""
    axes = (0, 2, 3)
    overlap = 2 * (found * shares).sum(axes)
    return (overlap + 1.0) / ((found**2).sum(axes) + (shares**2).sum(axes) + 1.0)


class Trainer:
    """Network, optimiser and running mean of the weights, with their state on disk."""

    def __init__(self, plan: Plan) -> None:
        torch.manual_seed(1)
        self.plan = plan
        self.net = SpineNet(len(Channel)).to(memory_format=torch.channels_last)
        self.mean = torch.optim.swa_utils.AveragedModel(
            self.net,
            multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.995),
            use_buffers=True,
        )
        self.optimiser = torch.optim.AdamW(self.net.parameters(), lr=plan.rate, weight_decay=1e-3)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, max_lr=plan.rate, total_steps=plan.steps + 1, pct_start=0.06
        )
        self.step = 0
        self._resume()

    @property
    def _state_file(self) -> Path:
        return self.plan.out / "state.pt"

    def _resume(self) -> None:
        if self._state_file.exists():
            state = torch.load(self._state_file, weights_only=True)
            self.step = state["step"]
            self.optimiser.load_state_dict(state["optimiser"])
            self.schedule.load_state_dict(state["schedule"])
        elif self.plan.start:
            state = torch.load(self.plan.start, weights_only=True)
        else:
            return
        self.net.load_state_dict(state["net"])
        self.mean.load_state_dict(state["mean"])

    def save(self) -> None:
        """Write the state so that training can go on, and the network so that it can be used."""
        parts = {k: getattr(self, k).state_dict() for k in ("net", "mean", "optimiser", "schedule")}
        torch.save({"step": self.step, **parts}, self._state_file.with_suffix(".part"))
        self._state_file.with_suffix(".part").replace(self._state_file)
        export(self.mean.module, self.plan.out / "spine.onnx")

    def update(self, images: Tensor, shares: Tensor) -> float:
        """One step of training; the loss before it."""
        self.net.train()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.plan.half):
            logits = self.net(images.to(memory_format=torch.channels_last))
        loss = loss_of(logits.float(), shares)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 2.0)
        self.optimiser.step()
        self.schedule.step()
        self.mean.update_parameters(self.net)
        self.step += 1
        return float(loss.detach())


@torch.no_grad()
def check(net: nn.Module, plan: Plan, pictures: int = 48) -> list[float]:
    """Soft Dice per structure on pictures never trained on."""
    net.eval()
    loader = DataLoader(Pictures(plan.slab_folder, pictures, 0, pictures, HELD_OUT), plan.batch)
    found = [dice(torch.softmax(net(x), dim=1), y) for x, y in loader]
    return [float(v) for v in torch.stack(found).mean(dim=0)]


def export(net: nn.Module, path: Path) -> None:
    """Write the network with a softmax behind it as ONNX, for any size of picture."""
    net = nn.Sequential(net, nn.Softmax(dim=1)).eval()
    example = torch.zeros(1, CHANNELS, *CROP.shape)
    axes = {"image": {2: "rows", 3: "columns"}, "shares": {2: "rows", 3: "columns"}}
    torch.onnx.export(
        net,
        (example,),
        str(path.with_suffix(".part")),
        input_names=["image"],
        output_names=["shares"],
        dynamic_axes=axes,
        dynamo=False,
        opset_version=17,
    )
    path.with_suffix(".part").replace(path)


def train(plan: Plan) -> None:
    """Train to the end of the plan, logging as it goes."""
    torch.set_num_threads(plan.threads)
    for folder in (plan.out, plan.slab_folder):
        folder.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(plan)
    pictures = Pictures(
        plan.slab_folder, plan.slabs, trainer.step * plan.batch, plan.steps * plan.batch
    )
    loader = DataLoader(pictures, plan.batch, num_workers=plan.workers, prefetch_factor=4)
    start, losses = time.monotonic(), []
    for images, shares in loader:
        losses.append(trainer.update(images, shares))
        if trainer.step % 50 == 0:
            log.info(
                "step %d loss %.4f %.2f s/step",
                trainer.step,
                np.mean(losses[-50:]),
                (time.monotonic() - start) / len(losses),
            )
        if trainer.step % plan.save_every == 0 or trainer.step == plan.steps:
            trainer.save()
            _record(
                plan.out / "log.csv",
                trainer.step,
                float(np.mean(losses[-plan.save_every :])),
                check(trainer.mean, plan),
            )
    _curve(plan.out)


def _record(path: Path, step: int, loss: float, scores: list[float]) -> None:
    new = not path.exists()
    with path.open("a", newline="") as stream:
        writer = csv.writer(stream)
        if new:
            writer.writerow(["step", "loss", *(s.name.lower() for s in Channel)])
        writer.writerow([step, f"{loss:.5f}", *(f"{v:.4f}" for v in scores)])


def _curve(out: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    with (out / "log.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    figure, axes = plt.subplots()
    for name in ("loss", "disc", "body", "sacrum", "canal", "endplate"):
        axes.plot([int(r["step"]) for r in rows], [float(r[name]) for r in rows], label=name)
    axes.set_xlabel("step")
    axes.legend()
    figure.savefig(out / "curve.png")


def main() -> None:
    """Parse the call and train."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, help="folder for slabs, state, log and weights")
    parser.add_argument("--steps", type=int, default=12000)
    parser.add_argument("--slabs", type=int, default=4000, help="how many slabs to draw")
    parser.add_argument("--slab-folder", type=Path, help="default: OUT/slabs")
    parser.add_argument("--rate", type=float, default=2.5e-3, help="highest learning rate")
    parser.add_argument("--workers", type=int, default=1, help="processes that make pictures")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    parser.add_argument("--start", type=Path, help="state.pt of another run to start from")
    a = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    slabs = a.slab_folder or a.out / "slabs"
    train(
        Plan(
            a.out,
            slabs,
            a.steps,
            a.slabs,
            rate=a.rate,
            workers=a.workers,
            threads=a.threads,
            start=a.start,
        )
    )


if __name__ == "__main__":
    main()
