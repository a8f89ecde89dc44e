r"""How much windows of the training data count at a place, by resembling a first guess there.

Weather that looks alike varies alike. Of the windows :math:`x_k` that a covariance is made of,
each counting for :math:`\omega_k` by its season, those count the more at a place that look there
like the analysis :math:`a` that all give together,

.. math:: \omega_k(p) \propto \omega_k \exp \left( -s \, \frac{\min(1, e) \, \|x_k\|^2
    - 2 \langle x_k, a \rangle}{\overline{\|x\|^2} + \|a\|^2} \right), \qquad
    e = \frac{\|a\|^2}{\overline{\|x\|^2}}

with products over the neighbourhood of the place, and the mean over the season's windows. Where
the guess is as large as what varies, the numerator is the squared distance but for what is the
same for all windows. A guess that knows little is small, and would be nearest to windows in
which nothing happens: their own size counts only as far as the guess explains what varies, and
one that knows nothing leaves all as it was.

The covariance is that of the second moments of these windows about the mean of the prior: the
guess has a part in choosing it, and gives no mean of its own. As the guess is made of the
observations, they are used twice, and the posterior is no longer exact where all is Gaussian.

References:
    | Atmospheric predictability as revealed by naturally occurring analogues (Lorenz, 1969)
    | https://doi.org/10.1175/1520-0469(1969)26<636:APARBN>2.0.CO;2
    | The analog data assimilation (Lguensat et al., 2017)
    | https://doi.org/10.1175/MWR-D-16-0441.1
"""

__all__ = ["neighbourhoods", "resemblance"]

from collections.abc import Sequence

import numpy as np
import torch

from jaxtyping import Float
from torch import Tensor

from .distances import gaspari_cohn, great_circles


def neighbourhoods(
    latitude: Float[np.ndarray, " lat"],
    longitude: Float[np.ndarray, " lon"],
    patches: Sequence[int],
    length_km: int | float,
) -> Float[np.ndarray, "place other"]:
    """How much patches count in the neighbourhood of each, of sum one: by distance and area.

    Arguments:
        latitude: Latitudes of the fields [degrees_north].
        longitude: Longitudes of the fields [degrees_east].
        patches: Rows and columns of patches.
        length_km: The distance from which on others do not count [km].
    """
    rows = latitude.reshape(patches[0], -1).mean(1)
    columns = longitude.reshape(patches[1], -1).mean(1)
    phi, lam = (a.ravel() for a in np.meshgrid(rows, columns, indexing="ij"))
    near = gaspari_cohn(2 * great_circles((phi, lam), (phi, lam)) / length_km)
    near = near * np.cos(np.radians(phi))
    return near / near.sum(1, keepdims=True)


def resemblance(
    along: Float[Tensor, "place member n"],
    own: Float[Tensor, "place member"],
    squares: Float[Tensor, "place n"],
    omega: Float[Tensor, " n"],
    sharpness: int | float,
) -> Float[Tensor, "place member n"]:
    r"""Returns how much windows count at each place, of sum one.

    Arguments:
        along: Products of windows and guess :math:`\langle x_k, a \rangle` over neighbourhoods.
        own: Those of the guess with itself.
        squares: Those of the windows with themselves.
        omega: How much windows count without a guess, of sum one.
        sharpness: How steeply they count for resembling it :math:`s`; zero: not at all.
    """
    mean = (squares @ omega)[:, None, None]
    own, squares = own[..., None], squares[:, None]
    apart = ((own / mean).clamp_max(1) * squares - 2 * along) / (mean + own)
    return torch.softmax(omega.log() - sharpness * apart, dim=2)
