"""Taking the encoder away: embeddings from pixels or files, a SavedModel of them, and tables of embedded pictures.

>>> from looc_tf import config, export, models
>>> encoder = models.Encoder(config.Model(width=4), ["all", "color"])
>>> embedder = export.Embedder(encoder, data_size=32, view_size=32)
>>> embedder.representations
{'trunk': 32, 'all': 128, 'color': 128}
"""

from looc_tf.export.embedder import Embedder
from looc_tf.export.files import Embedded, embed_files
from looc_tf.export.saved_model import answers, export, latest
from looc_tf.export.serving_page import write_serving_page

__all__ = ["Embedded", "Embedder", "answers", "embed_files", "export", "latest", "write_serving_page"]
