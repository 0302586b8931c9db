"""Images, lists, records and means: what goes into a net, as Caffe keeps it."""
