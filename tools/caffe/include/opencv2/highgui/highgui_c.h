// OpenCV 4 has no C interface to its windows; Caffe wants only the names in highgui.hpp.
#pragma once
#include <opencv2/highgui/highgui.hpp>
