// net.cpp asks for the head of Caffe's own tests, uses nothing of it, and would need GoogleTest.
#pragma once
