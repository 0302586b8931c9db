// Stands in for OpenCV's windows, whose package brings a whole desktop with it. Caffe asks for
// this header only for reading images and for names that OpenCV 4 keeps elsewhere.
#pragma once
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgcodecs/legacy/constants_c.h>
#include <opencv2/imgproc.hpp>
#include <opencv2/imgproc/types_c.h>
