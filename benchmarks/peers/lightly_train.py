"""SimCLR or BYOL of lightly, trained by a config of looc_tf on the same pictures; for an environment of its own.

    PEERS/bin/python benchmarks/peers/lightly_train.py FOLDER [--steps N] [--seed 0] [--loss-times 1]

FOLDER is what `python -m benchmarks.peer_accuracy prepare` wrote: `pictures.npz` and `recipe.json`. It gets
`features.npz`, the trunk's features of all pictures; `state.pt`, from which a run that was stopped goes on; and
`loss.csv`. Loss, heads and views are lightly's, with the config's numbers; the network is torchvision's ResNet-18 with
the config's width and a small-image stem; optimizer and schedule are those of the config.
"""

import argparse
import copy
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from lightly.loss import NegativeCosineSimilarity, NTXentLoss
from lightly.models.modules import BYOLPredictionHead, BYOLProjectionHead, SimCLRProjectionHead
from lightly.models.utils import deactivate_requires_grad, update_momentum
from lightly.transforms.byol_transform import BYOLTransform, BYOLView1Transform, BYOLView2Transform
from lightly.transforms.simclr_transform import SimCLRTransform
from lightly.transforms.utils import IMAGENET_NORMALIZE
from PIL import Image
from torchvision.models.resnet import BasicBlock, ResNet

SAVE_EVERY, LOG_EVERY = 250, 50  # steps


def options() -> argparse.Namespace:
    """The command line."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--steps", type=int, help="instead of the config's; the schedule is of so many")
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--loss-times", type=float, default=1.0, help="4: BYOL's loss as its paper has it")
    return arguments.parse_args()


def trunk(width: int) -> ResNet:
    """ResNet-18 to pooled features, of any width, for small pictures."""
    made = ResNet(BasicBlock, [2, 2, 2, 2])
    made.inplanes, made.maxpool, made.fc = width, torch.nn.Identity(), torch.nn.Identity()
    made.conv1, made.bn1 = torch.nn.Conv2d(3, width, 3, 1, 1, bias=False), torch.nn.BatchNorm2d(width)
    for number in range(4):
        layer = made._make_layer(BasicBlock, width * 2**number, 2, stride=1 if number == 0 else 2)
        setattr(made, f"layer{number + 1}", layer)
    for module in made.modules():  # as torchvision's own constructor draws them
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return made


class SimCLR(torch.nn.Module):
    """Trunk, head and loss."""

    def __init__(self, recipe: dict):
        super().__init__()
        model = recipe["model"]
        features = 8 * model["width"]
        self.trunk = trunk(model["width"])
        self.head = SimCLRProjectionHead(features, model["hidden"], model["dimension"])
        self.criterion = NTXentLoss(temperature=recipe["method"]["temperature"])

    def forward(self, one: torch.Tensor, two: torch.Tensor) -> torch.Tensor:
        return self.criterion(self.head(self.trunk(one)), self.head(self.trunk(two)))


class BYOL(torch.nn.Module):
    """Trunk, head, predictor, their slow copies and loss."""

    def __init__(self, recipe: dict):
        super().__init__()
        model = recipe["model"]
        features, width, self.momentum = 8 * model["width"], model["dimension"], recipe["method"]["momentum"]
        self.trunk = trunk(model["width"])
        self.head = BYOLProjectionHead(features, model["hidden"], width)
        self.predictor = BYOLPredictionHead(width, recipe["method"]["predictor"], width)
        self.slow_trunk, self.slow_head = copy.deepcopy(self.trunk), copy.deepcopy(self.head)
        deactivate_requires_grad(self.slow_trunk)
        deactivate_requires_grad(self.slow_head)
        self.criterion = NegativeCosineSimilarity()

    def forward(self, one: torch.Tensor, two: torch.Tensor) -> torch.Tensor:
        update_momentum(self.trunk, self.slow_trunk, self.momentum)
        update_momentum(self.head, self.slow_head, self.momentum)
        guesses = [self.predictor(self.head(self.trunk(view))) for view in (one, two)]
        with torch.no_grad():
            wanted = [self.slow_head(self.slow_trunk(view)) for view in (one, two)]
        return 0.5 * (self.criterion(guesses[0], wanted[1]) + self.criterion(guesses[1], wanted[0]))


def views(recipe: dict):
    """lightly's views of a picture, with the strengths of the config's chain."""
    chain, color = recipe["views"]["chain"], recipe["views"]["chain"]["color"]
    shared = {
        "input_size": recipe["views"]["size"],
        "min_scale": chain["crop"]["area"][0],
        "gaussian_blur": 0.0,
        **{f"cj_{short}": color[name] for short, name in (("bright", "brightness"), ("contrast", "contrast"))},
        **{f"cj_{short}": color[name] for short, name in (("sat", "saturation"), ("hue", "hue"))},
        "cj_prob": color.get("probability", 0.8),
        "random_gray_scale": color.get("grayscale", 0.2),
    }
    if set(chain) - {"crop", "color", "solarize"} or chain["crop"]["area"][1] != 1.0:
        raise SystemExit(f"Expected crop to the whole picture, color and solarize in views.chain. Received {chain}.")
    if recipe["method"]["name"] == "simclr":
        return SimCLRTransform(cj_strength=1.0, **shared)
    second = {"solarization_prob": chain.get("solarize", {"probability": 0.0})["probability"]}
    return BYOLTransform(BYOLView1Transform(**shared), BYOLView2Transform(**shared, **second))


def rate(optimizer: dict, step: int, steps: int) -> float:
    """The config's: half a cosine under a straight rise."""
    rise = min(1.0, (step + 1) / max(1, optimizer["warmup_steps"]))
    return optimizer["learning_rate"] * rise * 0.5 * (1 + math.cos(math.pi * step / steps))


class Training:
    """One training, which can be stopped and taken up at any saved step."""

    def __init__(self, given: argparse.Namespace):
        self.given, self.recipe = given, json.loads((given.folder / "recipe.json").read_text())
        self.steps, self.batch = given.steps or self.recipe["training"]["steps"], self.recipe["training"]["batch"]
        torch.manual_seed(given.seed)
        self.model = {"simclr": SimCLR, "byol": BYOL}[self.recipe["method"]["name"]](self.recipe)
        self.model.to(memory_format=torch.channels_last)
        rule = self.recipe["optimizer"]
        self.optimizer = torch.optim.SGD(
            [each for each in self.model.parameters() if each.requires_grad],
            lr=rule["learning_rate"],
            momentum=rule["momentum"],
            weight_decay=rule["weight_decay"],
        )
        with np.load(given.folder / "pictures.npz") as pictures:
            self.parts = dict(pictures)
        self.views, self.state = views(self.recipe), given.folder / "state.pt"

    def run(self) -> None:
        """From the saved step to the last one."""
        begin, losses, since = self._load(), [], time.perf_counter()
        for step in range(begin, self.steps):
            losses.append(self._step(step))
            if (step + 1) % LOG_EVERY == 0 or step + 1 == self.steps:
                seconds = (time.perf_counter() - since) / len(losses)
                line = f"{step + 1},{np.mean(losses):.5f},{seconds:.4f}"
                print(f"step {step + 1}/{self.steps}: loss {np.mean(losses):.4f}, {seconds:.3f} s a step", flush=True)
                with (self.given.folder / "loss.csv").open("a") as log:
                    log.write(line + "\n")
                losses, since = [], time.perf_counter()
            if (step + 1) % SAVE_EVERY == 0 or step + 1 == self.steps:
                self._save(step + 1)

    def _step(self, step: int) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = rate(self.recipe["optimizer"], step, self.steps)
        loss = self.model(*self._batch(step)) * self.given.loss_times
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def _batch(self, step: int) -> list[torch.Tensor]:
        """Two views of each picture of a step, in an order drawn for its epoch; the numbers are drawn for the step."""
        pictures = self.parts["train"]
        epoch, place = divmod(step, len(pictures) // self.batch)
        rows = np.random.default_rng([self.given.seed, epoch]).permutation(len(pictures))
        rows = rows[place * self.batch : (place + 1) * self.batch]
        torch.manual_seed(1_000_003 * self.given.seed + step)  # torchvision's draws
        np.random.seed((1_000_003 * self.given.seed + step) % 2**32)  # noqa: NPY002  # lightly's draws
        pairs = zip(*(self.views(Image.fromarray(pictures[row])) for row in rows))
        return [torch.stack(view).contiguous(memory_format=torch.channels_last) for view in pairs]

    def _load(self) -> int:
        if not self.state.is_file():
            return 0
        saved = torch.load(self.state)
        self.model.load_state_dict(saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])
        return saved["step"]

    def _save(self, step: int) -> None:
        part = self.state.with_suffix(".part")
        torch.save({"step": step, "model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}, part)
        part.replace(self.state)

    def features(self) -> dict[str, np.ndarray]:
        """The trunk's features of all pictures, whole and upright."""
        mean, deviation = (torch.tensor(IMAGENET_NORMALIZE[name]) for name in ("mean", "std"))
        self.model.eval()
        found = {}
        with torch.no_grad():
            for part, pictures in self.parts.items():
                batches = (torch.from_numpy(pictures[place : place + 256]) for place in range(0, len(pictures), 256))
                images = (((each / 255 - mean) / deviation).permute(0, 3, 1, 2) for each in batches)
                found[part] = torch.cat([self.model.trunk(each) for each in images]).numpy()
        return found


def main() -> None:
    given = options()
    torch.set_num_threads(given.threads)
    training = Training(given)
    training.run()
    np.savez(given.folder / "features.npz", **training.features())


if __name__ == "__main__":
    main()
