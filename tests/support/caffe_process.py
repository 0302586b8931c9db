"""pycaffe in a process of its own, for one net after another: Caffe ends its process when it
refuses a net, and must not take the tests with it.

`python caffe_process.py PYCAFFE` reads lines `PROTOTXT IN.npz OUT.npz PASSES`; see `run`
for the arrays.
"""

import subprocess
import sys

import numpy as np


def run(net, given, passes=1):
    """Fill a net, run it forward and so many times backward, and give what it holds then.

    Of `given`, `data/BLOB` and `param/LAYER/INDEX` are filled in before the forward pass, and
    `diff/BLOB` before the backward pass. The result has the same kinds of names for all blobs
    and params, and `param_diff/LAYER/INDEX`.
    """
    for key, value in given.items():
        kind, _, name = key.partition("/")
        if kind == "data":
            net.blobs[name].data[...] = value
        elif kind == "param":
            layer, _, index = name.rpartition("/")
            net.params[layer][int(index)].data[...] = value
    net.forward()
    found = {f"data/{name}": blob.data.copy() for name, blob in net.blobs.items()}
    for key, value in given.items():
        kind, _, name = key.partition("/")
        if kind == "diff":
            net.blobs[name].diff[...] = value
    net.clear_param_diffs()
    for _ in range(passes):
        net.backward()
    found |= {f"diff/{name}": blob.diff.copy() for name, blob in net.blobs.items()}
    for layer, params in net.params.items():
        for index, param in enumerate(params):
            found[f"param/{layer}/{index}"] = param.data.copy()
            found[f"param_diff/{layer}/{index}"] = param.diff.copy()
    return found


class CaffeProcess:
    """Runs nets in a process that is started again when a net has ended it."""

    def __init__(self, pycaffe, folder):
        self.command = [sys.executable, __file__, str(pycaffe)]
        self.folder = folder
        self.process = None

    def run(self, prototxt, given, passes=1):
        """What `run` gives in pycaffe, or None where Caffe refuses the net."""
        if self.process is None:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        np.savez(self.folder / "in.npz", **given)
        files = f"{prototxt}\t{self.folder}/in.npz\t{self.folder}/out.npz"
        self.process.stdin.write(f"{files}\t{passes}\n")
        self.process.stdin.flush()
        if self.process.stdout.readline() != "done\n":
            self.close()
            return None
        with np.load(self.folder / "out.npz") as found:
            return dict(found)

    def close(self):
        """End the process."""
        if self.process is not None:
            self.process.stdin.close()
            self.process.stdout.close()
            self.process.wait(60)
            self.process = None


def main(pycaffe):
    sys.path.insert(0, pycaffe)
    import caffe

    for line in sys.stdin:
        prototxt, given, found, passes = line.rstrip("\n").split("\t")
        with np.load(given) as arrays:
            net = caffe.Net(prototxt, caffe.TRAIN)
            np.savez(found, **run(net, dict(arrays), int(passes)))
        print("done", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
