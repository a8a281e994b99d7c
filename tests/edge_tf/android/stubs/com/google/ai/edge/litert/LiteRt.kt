// SPDX-License-Identifier: Apache-2.0
// A stub for the tests: it checks syntax and our own calls, not the vendor's interface.
package com.google.ai.edge.litert

import android.content.res.AssetManager

enum class Accelerator { CPU, GPU, NPU }

class TensorBuffer : AutoCloseable {
    fun writeFloat(data: FloatArray) = check(data.isNotEmpty())

    fun readFloat() = FloatArray(0)

    override fun close() = Unit
}

class CompiledModel private constructor() : AutoCloseable {
    class Options(vararg accelerators: Accelerator) {
        val accelerators = accelerators.toSet()
    }

    fun createInputBuffers(): List<TensorBuffer> = emptyList()

    fun createOutputBuffers(): List<TensorBuffer> = emptyList()

    fun run(inputs: List<TensorBuffer>, outputs: List<TensorBuffer>) =
        check(inputs.isNotEmpty() && outputs.isNotEmpty())

    override fun close() = Unit

    companion object {
        fun create(assets: AssetManager, name: String, options: Options) =
            CompiledModel().also { assets.open(name).close().also { options.accelerators } }
    }
}
